//! The import graph of `src/`, read from the syntax trees: which file takes which name from which file.
//!
//! Names that a module only re-exports count as taken from the file that defines them. Test modules are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::visit::Visit;

/// A path of names below the crate, such as `["store", "writer"]`.
pub(crate) type Names = Vec<String>;

/// One file of `src/`.
#[derive(Debug)]
pub(crate) struct File {
    /// Relative to `src/`.
    pub(crate) path: String,
    /// The module it is.
    pub(crate) module: Names,
    /// Its lines before the first test module.
    pub(crate) production: String,
    /// The whole text.
    pub(crate) text: String,
    /// Every path in it that begins at the crate, resolved from `crate`, `self` and `super`.
    uses: BTreeSet<Names>,
    /// What it re-exports: the name by which others take it, and what it names.
    reexports: BTreeMap<String, Names>,
}

impl File {
    /// The module at the top level that it belongs to.
    pub(crate) fn top(&self) -> &str {
        self.module.first().map_or("lib", String::as_str)
    }
}

/// All files and what they take from each other.
#[derive(Debug)]
pub(crate) struct Graph {
    /// The files, by their paths.
    pub(crate) files: Vec<File>,
    by_module: BTreeMap<Names, usize>,
}

impl Graph {
    /// Reads every file below `root`.
    pub(crate) fn read(root: &Path) -> Result<Self, Box<dyn std::error::Error>> {
        let mut paths = Vec::new();
        collect(root, &mut paths)?;
        paths.sort();
        let mut files = Vec::new();
        for path in paths {
            let relative = path.strip_prefix(root)?.to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path)?;
            let mut module: Names = relative.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
            if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) && relative != "main.rs" {
                module.pop();
            }
            if module.last().is_some_and(|name| name == "tests") {
                continue;
            }
            let tree = syn::parse_file(&text).map_err(|error| format!("{relative}: {error}"))?;
            let mut reader =
                Reader { module: module.clone(), inner: 0, uses: BTreeSet::new(), reexports: BTreeMap::new() };
            reader.visit_file(&tree);
            let production = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
            files.push(File {
                path: relative,
                module,
                production,
                text,
                uses: reader.uses,
                reexports: reader.reexports,
            });
        }
        let by_module = files.iter().enumerate().map(|(n, file)| (file.module.clone(), n)).collect();
        Ok(Self { files, by_module })
    }

    /// The files that a file takes names from, with the names.
    pub(crate) fn imports(&self, file: &File) -> BTreeMap<&str, BTreeSet<String>> {
        let mut found: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for names in &file.uses {
            if let Some((target, name)) = self.resolve(names, 0)
                && target.path != file.path
            {
                found.entry(&target.path).or_default().insert(name);
            }
        }
        found
    }

    /// The file that defines what a path names, re-exports followed.
    fn resolve(&self, names: &[String], depth: usize) -> Option<(&File, String)> {
        let length = (0..=names.len()).rev().find(|length| self.by_module.contains_key(&names[..*length]))?;
        let file = &self.files[self.by_module[&names[..length]]];
        let Some(name) = names.get(length) else { return Some((file, "self".to_owned())) };
        match file.reexports.get(name) {
            Some(target) if depth < 8 => {
                let mut whole = target.clone();
                whole.extend_from_slice(&names[length + 1..]);
                self.resolve(&whole, depth + 1)
            }
            _ => Some((file, name.clone())),
        }
    }

    /// Groups of files that import each other. A folder's own face joins its rooms and holds what they share, so what
    /// a file takes from the `mod.rs` of a folder it stands in ties nothing.
    pub(crate) fn cycles(&self) -> Vec<Vec<String>> {
        let edges: BTreeMap<&str, Vec<&str>> = self
            .files
            .iter()
            .map(|file| {
                let above = |target: &str| target.strip_suffix("mod.rs").is_some_and(|at| file.path.starts_with(at));
                (file.path.as_str(), self.imports(file).into_keys().filter(|target| !above(target)).collect())
            })
            .collect();
        let reach = |from: &str| {
            let (mut seen, mut todo) = (BTreeSet::new(), vec![from.to_owned()]);
            while let Some(at) = todo.pop() {
                for next in edges.get(at.as_str()).into_iter().flatten() {
                    if seen.insert((*next).to_owned()) {
                        todo.push((*next).to_owned());
                    }
                }
            }
            seen
        };
        let reached: BTreeMap<&str, BTreeSet<String>> = edges.keys().map(|file| (*file, reach(file))).collect();
        let mut cycles = BTreeSet::new();
        for (file, there) in &reached {
            if there.contains(*file) {
                let group: Vec<String> =
                    there.iter().filter(|other| reached[other.as_str()].contains(*file)).cloned().collect();
                cycles.insert(group);
            }
        }
        cycles.into_iter().collect()
    }

    /// The imports inside a group of files, for a person to read.
    pub(crate) fn ties(&self, group: &[String]) -> Vec<String> {
        let inside = self.files.iter().filter(|file| group.contains(&file.path));
        inside
            .flat_map(|file| {
                let imports = self.imports(file);
                let own = imports.into_iter().filter(|(target, _)| group.iter().any(|path| path == target));
                own.map(|(target, names)| format!("{} -> {target}: {names:?}", file.path)).collect::<Vec<_>>()
            })
            .collect()
    }
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

/// Collects the paths of one file.
struct Reader {
    module: Names,
    /// Modules inside the file that are open.
    inner: usize,
    uses: BTreeSet<Names>,
    reexports: BTreeMap<String, Names>,
}

impl Reader {
    /// A path from the crate on; `None` where it begins in another crate or in the file itself.
    fn absolute(&self, path: &[String]) -> Option<Names> {
        let mut base = match path.first()?.as_str() {
            "crate" => Names::new(),
            "self" => self.module.clone(),
            "super" => {
                let mut base = self.module.clone();
                if self.inner == 0 {
                    base.pop();
                }
                base
            }
            _ => return None,
        };
        let mut rest = &path[1..];
        while let Some((first, others)) = rest.split_first()
            && first == "super"
        {
            base.pop();
            rest = others;
        }
        base.extend_from_slice(rest);
        Some(base)
    }

    fn walk(&mut self, tree: &syn::UseTree, before: &[String], is_public: bool) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.walk(&path.tree, &with(&path.ident), is_public),
            syn::UseTree::Name(name) if name.ident == "self" => self.take(before, before.last(), is_public),
            syn::UseTree::Name(name) => self.take(&with(&name.ident), Some(&name.ident.to_string()), is_public),
            syn::UseTree::Rename(rename) => {
                self.take(&with(&rename.ident), Some(&rename.rename.to_string()), is_public);
            }
            syn::UseTree::Glob(_) => self.take(before, None, is_public),
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.walk(tree, before, is_public)),
        }
    }

    fn take(&mut self, path: &[String], name: Option<&String>, is_public: bool) {
        // A path without `crate`, `self` or `super` may begin at a module of this file.
        let own = [self.module.as_slice(), path].concat();
        let absolute = self.absolute(path).unwrap_or(own);
        if is_public && let Some(name) = name {
            self.reexports.insert(name.clone(), absolute);
        } else {
            self.uses.insert(absolute);
        }
    }
}

fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|condition| condition == "test")
    })
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_for_tests(&item.attrs) {
            self.inner += 1;
            syn::visit::visit_item_mod(self, item);
            self.inner -= 1;
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !is_for_tests(&item.attrs) {
            let is_public = !matches!(item.vis, syn::Visibility::Inherited);
            self.walk(&item.tree, &[], is_public);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Names = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if names.len() > 1 {
            let own = [self.module.as_slice(), &names].concat();
            self.uses.insert(self.absolute(&names).unwrap_or(own));
        }
        syn::visit::visit_path(self, path);
    }
}
