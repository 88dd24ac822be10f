//! Proxies before a service that knows nothing of tokens, which ask appmixer-server about each request, as the examples
//! in `deploy/` set them up.

use std::fs;
use std::path::Path;

use crate::examples::copy;
use crate::running::Running;
use crate::unprivileged::{command, ending_with_us, program};

/// The addresses in the examples.
const SERVER: &str = "127.0.0.1:2200";
const SERVICE: &str = "127.0.0.1:3000";

/// A running proxy. Dropping it ends it.
pub struct Gatekeeper(Running);

impl Gatekeeper {
    /// nginx, which asks the server at one address about requests for the service at the other one.
    #[must_use]
    pub fn nginx(server: &str, service: &str) -> Self {
        let program = program("nginx");
        Self(Running::start("nginx", |folder, port| {
            let listen = format!("listen 127.0.0.1:{port};");
            let changes = [("listen 8081;", listen.as_str()), (SERVER, server), (SERVICE, service)];
            let example = copy("nginx/forward-auth.conf", folder, &changes);
            let own = folder.display();
            let scratch = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                .map(|name| format!("{name}_temp_path {own}/{name};"));
            // The example is a part of a configuration. One process: what is killed leaves no other behind.
            let whole = format!(
                "daemon off; master_process off; pid {own}/pid; error_log stderr; events {{}}\n\
                 http {{ access_log off; {} include {}; }}",
                scratch.concat(),
                example.display()
            );
            let settings = folder.join("nginx.conf");
            fs::write(&settings, whole).unwrap();
            let mut run = command(&program);
            run.args(["-e", "stderr", "-c"]).arg(settings);
            run
        }))
    }

    /// Caddy.
    #[must_use]
    pub fn caddy(server: &str, service: &str) -> Self {
        let program = program("caddy");
        Self(Running::start("Caddy", |folder, port| {
            let example = copy("caddy/forward-auth.Caddyfile", folder, &[]);
            let mut run = command(&program);
            run.args(["run", "--adapter", "caddyfile", "--config"]).arg(example);
            run.env("APPMIXER_SITE", format!("http://127.0.0.1:{port}"));
            run.envs([("APPMIXER_SERVER", server), ("APPMIXER_SERVICE", service)]);
            // Where it would listen for administrators, and keep certificates.
            run.env("CADDY_ADMIN", format!("unix/{}/admin", folder.display())).env("HOME", folder);
            run.env_remove("XDG_CONFIG_HOME").env_remove("XDG_DATA_HOME");
            run
        }))
    }

    /// Traefik; Debian has none, so it is told where the program is.
    #[must_use]
    pub fn traefik(program: &Path, server: &str, service: &str) -> Self {
        Self(Running::start("Traefik", |folder, port| {
            let example = copy("traefik/forward-auth.yml", folder, &[(SERVER, server), (SERVICE, service)]);
            let mut run = ending_with_us(program);
            run.arg(format!("--providers.file.filename={}", example.display()));
            run.arg(format!("--entrypoints.web.address=127.0.0.1:{port}"));
            run.args([
                "--log.level=WARN",
                "--global.checknewversion=false",
                "--global.sendanonymoususage=false",
            ]);
            run
        }))
    }

    /// Envoy, the same.
    #[must_use]
    pub fn envoy(program: &Path, server: &str, service: &str) -> Self {
        let port_of = |address: &str| format!("port_value: {}", address.rsplit(':').next().unwrap());
        let (server, service) = (port_of(server), port_of(service));
        Self(Running::start("Envoy", |folder, port| {
            let site = format!("address: 127.0.0.1, port_value: {port}");
            let changes = [
                ("address: 0.0.0.0, port_value: 8081", site.as_str()),
                (&port_of(SERVER), &server),
                (&port_of(SERVICE), &service),
            ];
            let mut run = ending_with_us(program);
            run.arg("-c").arg(copy("envoy/forward-auth.yaml", folder, &changes));
            // Several run at the same time.
            run.args(["--disable-hot-restart", "--concurrency", "1", "--log-level", "warn"]);
            run
        }))
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> String {
        self.0.address()
    }

    /// What it has said.
    #[must_use]
    pub fn log(&self) -> String {
        self.0.log()
    }
}
