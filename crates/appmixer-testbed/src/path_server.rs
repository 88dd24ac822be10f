//! Servers that read paths in their own ways: each answers `protected` below `/pub/admin`, and something else elsewhere.

use std::fs;
use std::path::Path;

use crate::running::Running;
use crate::unprivileged::{command, ending_with_us, program};

/// Where Debian has the modules of Apache.
const APACHE_MODULES: &str = "/usr/lib/apache2/modules";

/// A running server. Dropping it ends it.
pub struct PathServer(Running);

impl PathServer {
    /// nginx, to which the case of letters makes no difference.
    #[must_use]
    pub fn nginx() -> Self {
        let program = program("nginx");
        Self(Running::start("nginx", |folder, port| {
            let own = folder.display();
            let scratch = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                .map(|name| format!("{name}_temp_path {own}/{name};"));
            let settings = folder.join("nginx.conf");
            let text = format!(
                "daemon off; master_process off; pid {own}/pid; error_log stderr; events {{}}\n\
                 http {{ access_log off; {} server {{ listen 127.0.0.1:{port};\n\
                 location ~* \"^/pub/admin(/|$)\" {{ return 200 protected; }}\n\
                 location / {{ return 200 public; }} }} }}",
                scratch.concat()
            );
            fs::write(&settings, text).unwrap();
            let mut run = command(&program);
            run.args(["-e", "stderr", "-c"]).arg(settings);
            run
        }))
    }

    /// Apache with PHP: a folder with an index, a script that is found without its extension too, and rewriting that reads
    /// encoded question marks.
    #[must_use]
    pub fn apache() -> Self {
        let program = program("apache2");
        Self(Running::start("Apache", |folder, port| {
            let site = folder.join("site");
            fs::create_dir_all(site.join("pub/admin")).unwrap();
            for (file, text) in [
                ("pub/admin/index.php", "protected"),
                ("pub/admin/1.php", "protected"),
                ("pub/secret.php", "protected"),
                ("pub/index.php", "public"),
                ("index.php", "public"),
            ] {
                fs::write(site.join(file), format!("<?php echo '{text}';")).unwrap();
            }
            let modules = [
                "mpm_prefork_module mod_mpm_prefork",
                "authz_core_module mod_authz_core",
                "dir_module mod_dir",
                "mime_module mod_mime",
                "negotiation_module mod_negotiation",
                "rewrite_module mod_rewrite",
            ]
            .map(|module| module.replacen(' ', &format!(" {APACHE_MODULES}/"), 1))
            .map(|module| format!("LoadModule {module}.so\n"));
            let (own, php) = (folder.display(), php_module());
            let text = format!(
                "{}LoadModule php_module {php}\n\
                 ServerName localhost\nListen 127.0.0.1:{port}\nKeepAlive Off\n\
                 PidFile {own}/pid\nDefaultRuntimeDir {own}\nErrorLog {own}/log\nTypesConfig /dev/null\n\
                 DocumentRoot {own}/site\nAllowEncodedSlashes On\nMergeSlashes On\nDirectoryIndex index.php\n\
                 <Directory {own}/site>\nOptions MultiViews FollowSymLinks\nAcceptPathInfo On\nRequire all granted\n\
                 RewriteEngine On\nRewriteRule ^old/(.*)$ /$1 [UnsafeAllow3F]\n</Directory>\n\
                 AddType application/x-httpd-php .php\n\
                 <FilesMatch \"\\.php$\">\nSetHandler application/x-httpd-php\n</FilesMatch>\n",
                modules.concat()
            );
            let settings = folder.join("apache.conf");
            fs::write(&settings, text).unwrap();
            let mut run = command(&program);
            run.arg("-X").arg("-f").arg(settings);
            run
        }))
    }

    /// Express, installed in a folder of npm's.
    #[must_use]
    pub fn express(folder: &Path) -> Self {
        let (program, modules) = (program("node"), folder.join("node_modules"));
        Self(Running::start("Express", |folder, port| {
            let script = folder.join("server.js");
            let text = format!(
                "const app = require('express')();\n\
                 app.use('/pub/admin', (_, answer) => answer.send('protected'));\n\
                 app.use((_, answer) => answer.send('public'));\n\
                 app.listen({port}, '127.0.0.1');\n"
            );
            fs::write(&script, text).unwrap();
            let mut run = ending_with_us(&program);
            run.arg(script).env("NODE_PATH", &modules);
            run
        }))
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> String {
        self.0.address()
    }

    /// What it has written to its log.
    #[must_use]
    pub fn log(&self) -> String {
        self.0.log()
    }
}

/// The module of whatever version of PHP is installed.
fn php_module() -> String {
    let modules = fs::read_dir(APACHE_MODULES).unwrap().flatten().map(|entry| entry.path());
    let php = modules
        .into_iter()
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libphp")));
    let php =
        php.expect("there is no PHP for Apache: install it (Debian: apt-get install libapache2-mod-php)");
    php.display().to_string()
}
