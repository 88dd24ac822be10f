//! What containers run: `health`, by which they hear whether their server is ready, and other commands.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Output;

use appmixer_testbed::Port;

use crate::secure::{Authority, address_of, text};
use crate::support::{TestServer, binary, run};

/// Asked with the configuration of this server, and these variables instead.
fn health(server: &TestServer, settings: &[(&str, &str)]) -> Output {
    let mut command = binary(&server.data());
    command.arg("health").envs(settings.iter().copied());
    run(command, "")
}

#[track_caller]
fn told(output: &Output, status: i32, parts: &[&str]) {
    let line = text(output);
    assert_eq!(output.status.code(), Some(status), "{line}");
    assert_eq!(line.lines().count(), usize::from(status != 0), "{line}");
    for part in parts {
        assert!(line.contains(part), "{part:?} is not in: {line}");
    }
}

#[test]
fn health_asks_the_running_server_wherever_it_listens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("appmixer.sock").display().to_string();
    let authority = Authority::new();
    let server =
        authority.serve(&[("APPMIXER_LISTEN_UNIX", &path), ("APPMIXER_MANAGEMENT__LISTEN", "127.0.0.1:0")]);
    let (tls, management) = (address_of(&server, "https"), server.management());
    for settings in [
        &[("APPMIXER_LISTEN", server.address.as_str())][..],
        // A container's configuration says all addresses.
        &[("APPMIXER_LISTEN", &server.address.replace("127.0.0.1", "0.0.0.0"))],
        &[("APPMIXER_LISTEN", "off"), ("APPMIXER_LISTEN_UNIX", &path)],
        &[("APPMIXER_LISTEN", "off"), ("APPMIXER_TLS__LISTEN", &tls)],
        &[("APPMIXER_LISTEN", "127.0.0.1:1"), ("APPMIXER_MANAGEMENT__LISTEN", &management)],
    ] {
        let certificate = authority.settings();
        let certificate = certificate.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let certificate = certificate.filter(|(name, _)| *name != "APPMIXER_TLS__LISTEN");
        told(&health(&server, &certificate.chain(settings.iter().copied()).collect::<Vec<_>>()), 0, &[]);
    }
    server.assert_well();
}

#[test]
fn health_tells_a_server_that_is_gone_or_not_ready_or_silent_in_one_line() {
    let server = TestServer::start();
    let address = server.address.clone();
    let at = |address: &str| health(&server, &[("APPMIXER_LISTEN", address)]);
    told(&at(&address), 0, &[]);

    // The database has gone, which `/readyz` knows when it has been written to.
    fs::rename(server.data().join("appmixer.sqlite"), server.data().join("away")).unwrap();
    crate::support::eventually(|| at(&address).status.code() == Some(1));
    told(&at(&address), 1, &[&address, "/readyz: 503 {\"statusCode\":503"]);

    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    told(&at(&silent.local_addr().unwrap().to_string()), 1, &["no answer in time"]);
    let port = Port::reserve();
    let nobody = port.address();
    told(&at(&nobody), 1, &[&nobody, "refused"]);
    told(&at("127.0.0.1:0"), 2, &["port"]);
    told(&at("off"), 2, &["no listener"]);
}

#[test]
fn what_containers_run_are_commands() {
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
    let folder = tempfile::tempdir().unwrap();
    for (path, before, number) in [
        ("docker/Dockerfile", "CMD [", 2),
        ("helm/appmixer-server/templates/deployment.yaml", "args: [", 1),
        ("helm/appmixer-server/templates/migration.yaml", "args: [", 1),
    ] {
        let content = fs::read_to_string(deploy.join(path)).unwrap();
        let lists: Vec<_> = content.split(before).skip(1).filter_map(|rest| rest.split(']').next()).collect();
        assert_eq!(lists.len(), number, "{path}");
        for list in lists {
            let words = list.split(',').map(|word| word.trim().trim_matches('"'));
            let mut command = binary(&folder.path().join("data"));
            command.args(words.filter(|word| !word.ends_with("/appmixer-server"))).arg("--help");
            let output = run(command, "");
            assert!(output.status.success(), "{path}: {list}: {}", text(&output));
        }
    }
}
