//! From a look at the folder to the catalogue.

use std::collections::HashSet;

use crate::catalog::{App, Catalog, Component};
use crate::icon;
use crate::limits::Limits;
use crate::look::{Folder, Look, Problem, Seen, join};
use crate::manifest::{BadManifest, Manifest};

/// Reads everything that was seen. What is no good is among the problems instead.
pub(crate) fn load(look: &Look, limits: &Limits) -> (Catalog, Vec<Problem>) {
    let mut load = Load {
        look,
        limits,
        problems: look.problems.clone(),
        apps: Vec::new(),
        components: Vec::new(),
        services: Vec::new(),
        no_apps: HashSet::new(),
        app_names: HashSet::new(),
        component_names: HashSet::new(),
        manifests: limits.manifests,
        bytes: limits.total_bytes,
    };
    for vendor in &look.tree.folders {
        for service in &vendor.folders {
            load.service(&vendor.name, service);
        }
    }
    let apps = load.apps.into_iter().enumerate().filter(|(place, _)| !load.no_apps.contains(place));
    let apps = apps.map(|(_, app)| app).collect();
    (Catalog::new(apps, load.components, load.services), load.problems)
}

/// Whose the components of a folder are.
#[derive(Clone, Copy)]
enum Owner {
    /// An app, by its place.
    App(usize),
    /// One that is no good: it has been told, and they go with it.
    Broken,
    Nobody,
}

struct Load<'a> {
    look: &'a Look,
    limits: &'a Limits,
    problems: Vec<Problem>,
    apps: Vec<App>,
    components: Vec<Component>,
    services: Vec<(Box<str>, Vec<usize>)>,
    /// The places of services whose modules are the apps.
    no_apps: HashSet<usize>,
    app_names: HashSet<Box<str>>,
    component_names: HashSet<Box<str>>,
    /// How many manifests may still come.
    manifests: usize,
    /// How many bytes they may still have.
    bytes: u64,
}

impl Load<'_> {
    fn service(&mut self, vendor: &str, service: &Folder) {
        let above = [vendor, service.name.as_str()];
        let owner = self.app(&above, service, "service.json");
        let first = self.components.len();
        let (mut modules, mut orphans) = (0, false);
        for inner in &service.folders {
            let path = [vendor, service.name.as_str(), inner.name.as_str()];
            let owner = match self.app(&path, inner, "module.json") {
                Owner::Nobody => owner,
                module => {
                    modules += 1;
                    module
                }
            };
            orphans |= self.component(owner, &path, inner);
            for innermost in &inner.folders {
                let path = [vendor, &service.name, &inner.name, &innermost.name];
                orphans |= self.component(owner, &path, innermost);
            }
        }
        if orphans {
            let reason =
                "has components, and neither a service.json nor a module.json that says of which app";
            self.problem(above.join("/"), reason.to_owned(), None);
        }
        if let Owner::App(place) = owner {
            let all = (first..self.components.len()).collect();
            self.services.push((self.apps[place].name.clone(), all));
            // Where the modules are the apps, the service is only one if something is in no module.
            if modules > 0 && self.apps[place].components.is_empty() {
                self.no_apps.insert(place);
            }
        }
    }

    fn app(&mut self, path: &[&str], folder: &Folder, file: &str) -> Owner {
        let Some(seen) = folder.file(file) else {
            return Owner::Nobody;
        };
        let read = self.manifest(path, folder, seen, |manifest, icon| {
            let text = |text: &str| Box::from(text);
            Ok(App {
                name: text(manifest.name()?),
                label: text(manifest.required("label")?),
                category: text(manifest.text("category")?),
                description: text(manifest.text("description")?),
                icon: match icon {
                    Some(icon) => icon.into(),
                    None => text(manifest.text("icon")?),
                },
                components: Vec::new(),
            })
        });
        let Some(app) = read else {
            return Owner::Broken;
        };
        if !self.app_names.insert(app.name.clone()) {
            self.taken(path, seen, &app.name);
            return Owner::Broken;
        }
        self.apps.push(app);
        Owner::App(self.apps.len() - 1)
    }

    /// Reads a component, if the folder has one. Answers whether it has, and it is nobody's.
    fn component(&mut self, owner: Owner, path: &[&str], folder: &Folder) -> bool {
        let Some(seen) = folder.file("component.json") else {
            return false;
        };
        let Owner::App(app) = owner else {
            return matches!(owner, Owner::Nobody);
        };
        let read = self.manifest(path, folder, seen, |mut manifest, icon| {
            let (name, is_private) = (Box::from(manifest.name()?), manifest.is_private()?);
            if let Some(icon) = icon {
                manifest.set_icon(icon);
            }
            Ok(Component { name, is_private, manifest: manifest.into_json().into() })
        });
        if let Some(component) = read {
            if self.component_names.insert(component.name.clone()) {
                self.apps[app].components.push(self.components.len());
                self.components.push(component);
            } else {
                self.taken(path, seen, &component.name);
            }
        }
        false
    }

    fn taken(&mut self, path: &[&str], seen: &Seen, name: &str) {
        let reason = format!("the name {name} is taken by another one");
        self.problem(join(&path.join("/"), &seen.name), reason, Some(seen));
    }

    /// Reads a manifest with its icon, if that stands beside it.
    fn manifest<T>(
        &mut self,
        path: &[&str],
        folder: &Folder,
        seen: &Seen,
        read: impl FnOnce(Manifest, Option<String>) -> Result<T, BadManifest>,
    ) -> Option<T> {
        let place = join(&path.join("/"), &seen.name);
        let Some(left) = self.manifests.checked_sub(1) else {
            let reason = format!("is one manifest too many: there may be {}", self.limits.manifests);
            return self.skip(place, reason, None);
        };
        self.manifests = left;
        let bytes = match self.bytes(path, seen, self.limits.manifest_bytes) {
            Ok(bytes) => bytes,
            Err(reason) => return self.skip(place, reason, Some(seen)),
        };
        let parsed = Manifest::parse(&bytes).and_then(|manifest| {
            let beside: Vec<_> = folder.files.iter().map(|file| file.name.as_str()).collect();
            let chosen = icon::choose(manifest.text("icon")?, &beside);
            let icon = chosen.and_then(|name| folder.file(name)).and_then(|file| self.icon(path, file));
            read(manifest, icon)
        });
        match parsed {
            Ok(value) => Some(value),
            Err(error) => self.skip(place, error.to_string(), Some(seen)),
        }
    }

    fn icon(&mut self, path: &[&str], file: &Seen) -> Option<String> {
        let media_type = icon::media_type(&file.name)?;
        match self.bytes(path, file, self.limits.icon_bytes) {
            Ok(bytes) => Some(icon::data_url(media_type, &bytes)),
            Err(reason) => self.skip(join(&path.join("/"), &file.name), reason, Some(file)),
        }
    }

    fn bytes(&mut self, path: &[&str], seen: &Seen, most: u64) -> Result<Vec<u8>, String> {
        let bytes = self.look.read(path, &seen.name, most).map_err(|error| error.to_string())?;
        self.bytes = self.bytes.checked_sub(bytes.len() as u64).ok_or_else(|| {
            format!("would make more than {} bytes of manifests and icons", self.limits.total_bytes)
        })?;
        Ok(bytes)
    }

    fn problem(&mut self, path: String, reason: String, seen: Option<&Seen>) {
        self.problems.push(Problem { path, reason, stamp: seen.map(|seen| seen.stamp) });
    }

    /// The same for whoever has nothing to answer then.
    fn skip<T>(&mut self, path: String, reason: String, seen: Option<&Seen>) -> Option<T> {
        self.problem(path, reason, seen);
        None
    }
}
