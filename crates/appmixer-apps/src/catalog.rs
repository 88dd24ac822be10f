//! What a folder holds: apps, and their components.

use std::collections::BTreeMap;

/// A module, or a service without modules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    pub(crate) name: Box<str>,
    pub(crate) label: Box<str>,
    pub(crate) category: Box<str>,
    pub(crate) description: Box<str>,
    pub(crate) icon: Box<str>,
    pub(crate) components: Vec<usize>,
}

impl App {
    /// The name, as `appmixer.google.gmail`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What people call it.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Where it belongs; empty where the manifest says nothing.
    #[must_use]
    pub fn category(&self) -> &str {
        &self.category
    }

    /// What it is for; empty where the manifest says nothing.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// A picture as a data URL (RFC 2397), or whatever else the manifest says; empty where there is none.
    #[must_use]
    pub fn icon(&self) -> &str {
        &self.icon
    }

    /// The places of its components in [`Catalog::components`].
    #[must_use]
    pub fn components(&self) -> &[usize] {
        &self.components
    }
}

/// A component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    pub(crate) name: Box<str>,
    pub(crate) is_private: bool,
    pub(crate) manifest: Box<str>,
}

impl Component {
    /// The name, as `appmixer.google.gmail.SendEmail`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the manifest says `private`.
    #[must_use]
    pub const fn is_private(&self) -> bool {
        self.is_private
    }

    /// The manifest as compact JSON, its members in their order, with the icon in it.
    #[must_use]
    pub fn manifest(&self) -> &str {
        &self.manifest
    }
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selection<'a> {
    /// Tells it from every other one of the same catalogue.
    pub number: usize,
    /// The places of the components in [`Catalog::components`], in their order.
    pub components: &'a [usize],
}

/// All apps and components of a folder, in the order of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    apps: Vec<App>,
    components: Vec<Component>,
    /// By name: of an app, of a service, or of a component.
    selections: Vec<(Box<str>, Vec<usize>)>,
}

impl Catalog {
    /// `apps` tell their components by places in `components`, and `services` do so too. No name is there twice.
    pub(crate) fn new(
        mut apps: Vec<App>,
        components: Vec<Component>,
        services: Vec<(Box<str>, Vec<usize>)>,
    ) -> Self {
        let mut order: Vec<_> = (0..components.len()).collect();
        order.sort_unstable_by_key(|place| &components[*place].name);
        let mut places = vec![0; components.len()];
        for (new, old) in order.iter().enumerate() {
            places[*old] = new;
        }
        let moved = |old: &[usize]| {
            let mut moved: Vec<_> = old.iter().map(|place| places[*place]).collect();
            moved.sort_unstable();
            moved
        };
        for app in &mut apps {
            app.components = moved(&app.components);
        }
        apps.sort_unstable_by(|one, other| one.name.cmp(&other.name));

        // An app counts before its service, and both before a component that has taken their name.
        let mut selections = BTreeMap::new();
        for (place, component) in components.iter().enumerate() {
            selections.insert(component.name.clone(), vec![places[place]]);
        }
        selections.extend(services.into_iter().map(|(name, old)| (name, moved(&old))));
        selections.extend(apps.iter().map(|app| (app.name.clone(), app.components.clone())));

        let mut unsorted: Vec<_> = components.into_iter().map(Some).collect();
        let components = order.iter().filter_map(|place| unsorted[*place].take()).collect();
        Self { apps, components, selections: selections.into_iter().collect() }
    }

    /// The apps.
    #[must_use]
    pub fn apps(&self) -> &[App] {
        &self.apps
    }

    /// The components.
    #[must_use]
    pub fn components(&self) -> &[Component] {
        &self.components
    }

    /// The place of a component in [`Self::components`].
    #[must_use]
    pub fn component(&self, name: &str) -> Option<usize> {
        self.components.binary_search_by(|component| (*component.name).cmp(name)).ok()
    }

    /// The components of an app or a service, or the one component, with this name.
    #[must_use]
    pub fn select(&self, name: &str) -> Option<Selection<'_>> {
        let number = self.selections.binary_search_by(|(there, _)| (**there).cmp(name)).ok()?;
        Some(Selection { number, components: &self.selections[number].1 })
    }
}
