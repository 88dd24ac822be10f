//! Secrets from files and from systemd's credentials, in the place of values in the configuration.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use figment::value::{Dict, Map, Value};
use figment::{Error, Figment, Metadata, Profile, Provider, Source};
use zeroize::Zeroizing;

use super::Config;
use crate::failure::Failure;

/// The largest file that is read, in bytes: hundreds of secrets.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// A key whose value may come from elsewhere.
struct Secret {
    key: &'static str,
    is_list: bool,
    is_set: fn(&Config) -> bool,
    file: fn(&Config) -> Option<&PathBuf>,
}

const SECRETS: [Secret; 3] = [
    Secret {
        key: "store.url",
        is_list: false,
        is_set: |config| config.store.url.is_some(),
        file: |config| config.store.url_file.as_ref(),
    },
    Secret {
        key: "token.secret",
        is_list: false,
        is_set: |config| config.token.secret.is_some(),
        file: |config| config.token.secret_file.as_ref(),
    },
    Secret {
        key: "token.previous_secrets",
        is_list: true,
        is_set: |config| !config.token.previous_secrets.is_empty(),
        file: |config| config.token.previous_secrets_file.as_ref(),
    },
];

/// The sources with those secrets besides that come from files. `credentials` is where systemd puts them; a credential
/// has the name of its key.
///
/// # Errors
/// A secret that is given twice, or cannot be read: one line, which names where it is and nothing of it.
pub(super) fn resolve(
    config: &Config,
    mut figment: Figment,
    credentials: Option<&Path>,
) -> Result<Figment, Failure> {
    for secret in &SECRETS {
        let key = secret.key;
        let file = (secret.file)(config).map(|path| (format!("{key}_file"), path.clone()));
        let credential = credentials.map(|folder| folder.join(key)).filter(|path| path.exists());
        let credential = credential.map(|path| (format!("the systemd credential {key}"), path));
        let value = (secret.is_set)(config).then(|| (key.to_owned(), PathBuf::new()));
        let mut given = [value, file, credential].into_iter().flatten();
        let Some((name, path)) = given.next() else { continue };
        if let Some((other, _)) = given.next() {
            return Err(Failure::configuration(format!(
                "{name} and {other} are both given; give one of them"
            )));
        }
        if name != key {
            let value = read(secret, &path)
                .map_err(|why| Failure::configuration(format!("{name}: {}: {why}", path.display())))?;
            figment = figment.merge(FromFile { key, name, path, value });
        }
    }
    Ok(figment)
}

fn read(secret: &Secret, path: &Path) -> Result<Value, String> {
    if secret.is_list {
        let text = read_text(path)?;
        let lines = text.lines().map(|line| line.trim_end_matches('\r')).filter(|line| !line.is_empty());
        return Ok(Value::from(lines.map(str::to_owned).collect::<Vec<_>>()));
    }
    Ok(read_line(path)?.as_str().into())
}

fn read_text(path: &Path) -> Result<Zeroizing<String>, String> {
    let mut text = Zeroizing::new(String::new());
    let mut file = File::open(path).map_err(|error| error.to_string())?;
    // A device or a pipe might never end, or never begin.
    if !file.metadata().map_err(|error| error.to_string())?.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    let read = file.by_ref().take(MAX_FILE_BYTES + 1).read_to_string(&mut text);
    // What is said of text that is no UTF-8 has nothing of it.
    let read = read.map_err(|error| error.to_string())?;
    if read as u64 > MAX_FILE_BYTES {
        return Err(format!("it has more than {MAX_FILE_BYTES} bytes"));
    }
    Ok(text)
}

/// A secret from a file of one line, whose end does not count.
///
/// # Errors
/// What is wrong with the file, without what it says.
pub(crate) fn read_line(path: &Path) -> Result<Zeroizing<String>, String> {
    let text = read_text(path)?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    if text.contains('\n') {
        return Err("it has more than one line".to_owned());
    }
    Ok(Zeroizing::new(text.to_owned()))
}

/// The value, with the file as its source.
struct FromFile {
    key: &'static str,
    name: String,
    path: PathBuf,
    value: Value,
}

impl Provider for FromFile {
    fn metadata(&self) -> Metadata {
        Metadata::from(self.name.clone(), Source::File(self.path.clone()))
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let mut dict = Dict::new();
        let (section, name) = self.key.split_once('.').unwrap_or(("", self.key));
        dict.insert(section.to_owned(), Value::from(Dict::from([(name.to_owned(), self.value.clone())])));
        Ok(Profile::Default.collect(dict))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use figment::providers::Serialized;

    use super::super::SecretText;
    use super::*;

    const SECRET: &str = "a secret in a file, which is long enough to be one";

    fn config(change: impl FnOnce(&mut Config)) -> Config {
        let mut config = Config::default();
        change(&mut config);
        config
    }

    fn resolved(config: &Config, credentials: Option<&Path>) -> Result<Config, String> {
        let figment = Figment::from(Serialized::defaults(Config::default()));
        let figment = resolve(config, figment, credentials).map_err(|failure| {
            assert_eq!(failure.code(), 2);
            failure.to_string()
        })?;
        Ok(figment.extract().unwrap())
    }

    #[test]
    fn a_secret_comes_from_a_file_or_a_credential_without_its_line_end() {
        let folder = tempfile::tempdir().unwrap();
        for (content, expected) in
            [(SECRET, SECRET), ("x\n", "x"), ("x\r\n", "x"), (" x \n", " x "), ("007", "007")]
        {
            let path = folder.path().join("token.secret");
            fs::write(&path, content).unwrap();
            let by_file = config(|config| config.token.secret_file = Some(path.clone()));
            for (config, credentials) in [(by_file, None), (Config::default(), Some(folder.path()))] {
                let secret = resolved(&config, credentials).unwrap().token.secret.unwrap();
                assert_eq!(secret.as_bytes(), expected.as_bytes());
            }
        }
        fs::write(folder.path().join("previous"), format!("{SECRET}\r\n\nthe other, \"with\" a comma\n"))
            .unwrap();
        let previous = folder.path().join("previous");
        let config = config(|config| config.token.previous_secrets_file = Some(previous));
        let secrets = resolved(&config, None).unwrap().token.previous_secrets;
        let secrets: Vec<_> = secrets.iter().map(SecretText::as_bytes).collect();
        assert_eq!(secrets, [SECRET.as_bytes(), b"the other, \"with\" a comma"]);
        assert!(resolved(&Config::default(), None).unwrap().token.secret.is_none());
    }

    /// A secret is mounted as a link to a link, of which the inner one moves when the secret changes.
    #[test]
    fn a_secret_is_read_through_the_links_that_kubernetes_makes() {
        let folder = tempfile::tempdir().unwrap();
        let mount = folder.path();
        for (version, content) in [("..2026_01", "the first"), ("..2026_02", "the second")] {
            fs::create_dir(mount.join(version)).unwrap();
            fs::write(mount.join(version).join("token.secret"), content).unwrap();
        }
        std::os::unix::fs::symlink("..data/token.secret", mount.join("token.secret")).unwrap();
        let config = config(|config| config.token.secret_file = Some(mount.join("token.secret")));
        for (version, content) in [("..2026_01", "the first"), ("..2026_02", "the second")] {
            std::os::unix::fs::symlink(version, mount.join("..new")).unwrap();
            fs::rename(mount.join("..new"), mount.join("..data")).unwrap();
            let secret = resolved(&config, None).unwrap().token.secret.unwrap();
            assert_eq!(secret.as_bytes(), content.as_bytes());
        }
        fs::remove_file(mount.join("..data")).unwrap();
        std::os::unix::fs::symlink("/dev", mount.join("..data")).unwrap();
        std::os::unix::fs::symlink("..data/zero", mount.join("zero")).unwrap();
        let config = self::config(|config| config.token.secret_file = Some(mount.join("zero")));
        assert!(resolved(&config, None).unwrap_err().contains("regular"), "what it leads to is what counts");
    }

    #[test]
    fn a_secret_that_is_given_twice_or_cannot_be_read_is_told_in_one_line_without_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token.secret");
        fs::write(&path, SECRET).unwrap();
        let at = |path: PathBuf| config(|config| config.token.secret_file = Some(path));
        let value: SecretText = serde_json::from_value(SECRET.into()).unwrap();
        let both = config(|config| {
            config.token.secret = Some(value);
            config.token.secret_file = Some(path.clone());
        });
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            path
        };
        for (config, credentials, parts) in [
            (both, None, ["token.secret and token.secret_file", "one of them"]),
            (
                at(path),
                Some(folder.path()),
                ["token.secret_file and the systemd credential token.secret", "both"],
            ),
            (at("/nowhere".into()), None, ["token.secret_file: /nowhere", "No such file"]),
            (at("/dev/zero".into()), None, ["/dev/zero", "regular"]),
            (at(folder.path().into()), None, ["token.secret_file", "regular"]),
            (at(write("empty", b"\n")), None, ["empty", "it is empty"]),
            (
                at(write("lines", format!("{SECRET}\n{SECRET}\n").as_bytes())),
                None,
                ["lines", "more than one line"],
            ),
            (at(write("binary", &[0xff; 40])), None, ["binary", "UTF-8"]),
            (at(write("large", &vec![b'x'; 64 * 1024 + 1])), None, ["large", "65536"]),
        ] {
            let line = resolved(&config, credentials).unwrap_err();
            for part in parts {
                assert!(line.contains(part), "{part:?} is not in: {line}");
            }
            assert!(!line.contains('\n') && !line.contains(SECRET), "{line}");
        }
    }
}
