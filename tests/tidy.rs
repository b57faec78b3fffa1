//! The house rules: which module may import which, what the core may not touch, and how large files and functions may grow.
//!
//! The order of modules is that of `src/lib.rs`, read top to bottom; a module imports only those above it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use syn::spanned::Spanned;
use syn::visit::Visit;

/// The last module of the core; it and all above it are pure.
const CORE_ENDS_WITH: &str = "pipeline";

/// What the core never names: shells, clocks, chance.
const CORE_NEVER: [&str; 13] = [
    "tokio",
    "sqlx",
    "rdkafka",
    "rdkafka_sys",
    "axum",
    "tracing",
    "std::fs",
    "std::net",
    "std::env",
    "std::thread",
    "Instant::now",
    "SystemTime",
    "Timestamp::now",
];

/// What a module of the shell never imports although it stands above: the shell's rooms know the core, not each other.
const NEVER: [(&str, &[&str]); 3] = [
    ("ingest", &["store", "expose", "service"]),
    ("store", &["ingest", "expose", "service"]),
    ("expose", &["ingest", "store", "service"]),
];

/// Lines of a file.
const FILE_LINES_MAX: usize = 500;

/// Lines of a function, from its signature to its closing brace.
const FUNCTION_LINES_MAX: usize = 70;

/// A path named in code, and its line.
struct Named {
    path: String,
    line: usize,
}

/// Everything that one file names outside of its tests, and its functions.
#[derive(Default)]
struct Reading {
    named: Vec<Named>,
    functions: Vec<(String, usize, usize)>,
    prefix: Vec<String>,
}

impl<'ast> Visit<'ast> for Reading {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let attributes = match item {
            syn::Item::Mod(module) => &module.attrs,
            syn::Item::Fn(function) => &function.attrs,
            syn::Item::Use(import) => &import.attrs,
            syn::Item::Impl(block) => &block.attrs,
            _ => &[][..],
        };
        if !attributes.iter().any(is_test) {
            syn::visit::visit_item(self, item);
        }
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.function(&function.sig, function.span());
        syn::visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.function(&function.sig, function.span());
        syn::visit::visit_impl_item_fn(self, function);
    }

    fn visit_use_path(&mut self, path: &'ast syn::UsePath) {
        self.prefix.push(path.ident.to_string());
        self.name(path.ident.span().start().line);
        syn::visit::visit_use_path(self, path);
        self.prefix.pop();
    }

    fn visit_use_name(&mut self, name: &'ast syn::UseName) {
        self.prefix.push(name.ident.to_string());
        self.name(name.ident.span().start().line);
        self.prefix.pop();
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.named.push(Named { path: segments.join("::"), line: path.span().start().line });
        syn::visit::visit_path(self, path);
    }
}

impl Reading {
    fn function(&mut self, signature: &syn::Signature, whole: proc_macro2::Span) {
        let (start, end) = (signature.span().start().line, whole.end().line);
        self.functions.push((signature.ident.to_string(), start, end + 1 - start));
    }

    fn name(&mut self, line: usize) {
        self.named.push(Named { path: self.prefix.join("::"), line });
    }
}

/// `#[test]`, `#[cfg(test)]` and `#[cfg(all(test, …))]`.
fn is_test(attribute: &syn::Attribute) -> bool {
    let text = match &attribute.meta {
        syn::Meta::List(list) if list.path.is_ident("cfg") => list.tokens.to_string(),
        meta => meta.path().segments.iter().map(|segment| segment.ident.to_string()).collect(),
    };
    text.split(|c: char| !c.is_alphanumeric()).any(|word| word == "test")
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every `.rs` file below `folder`, in order.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of the repository") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.extension().is_some_and(|extension| extension == "rs") => files.push(path),
                false => {}
            }
        }
    }
    files.sort();
    files
}

fn is_test_file(path: &Path) -> bool {
    path.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs")))
}

fn read(path: &Path) -> Reading {
    let text = std::fs::read_to_string(path).expect("a source file");
    let file = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut reading = Reading::default();
    reading.visit_file(&file);
    reading
}

/// The modules of `lib.rs`, each with its place.
fn order() -> BTreeMap<String, usize> {
    let text = std::fs::read_to_string(root().join("src/lib.rs")).expect("src/lib.rs");
    let modules = text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    modules.map(str::to_owned).zip(0..).collect()
}

/// The module of `lib.rs` that a file belongs to; `None` for `lib.rs` and `main.rs`, which import all.
fn module(path: &Path) -> Option<String> {
    let inside = path.strip_prefix(root().join("src")).expect("below src");
    let first = inside.components().next()?.as_os_str().to_str()?;
    let name = first.strip_suffix(".rs").unwrap_or(first);
    (!matches!(name, "lib" | "main")).then(|| name.to_owned())
}

/// What breaks a rule, one line each; the test prints them all.
fn faults(check: impl Fn(&Path, &str, &Reading) -> Vec<String>) -> Vec<String> {
    let files = sources(&root().join("src"));
    let files = files.iter().filter(|path| !is_test_file(path));
    files.filter_map(|path| module(path).map(|module| check(path, &module, &read(path)))).flatten().collect()
}

fn none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

fn place(path: &Path, line: usize) -> String {
    format!("{}:{line}", path.strip_prefix(root()).unwrap_or(path).display())
}

#[test]
fn a_module_imports_only_those_above_it() {
    let order = order();
    assert!(order.len() > 12, "lib.rs lists its modules");
    none(&faults(|path, module, reading| {
        let own = order.get(module).unwrap_or_else(|| panic!("{module} is not listed in lib.rs"));
        let mut faults = Vec::new();
        for named in &reading.named {
            let Some(used) = named.path.strip_prefix("crate::").and_then(|rest| rest.split("::").next()) else {
                continue;
            };
            let never = NEVER.iter().any(|(room, others)| *room == module && others.contains(&used));
            if order.get(used).is_some_and(|place| place > own) || never {
                faults.push(format!("{}: {module} imports {used}", place(path, named.line)));
            }
        }
        faults
    }));
}

#[test]
fn the_core_is_pure() {
    let order = order();
    let last = order[CORE_ENDS_WITH];
    none(&faults(|path, module, reading| {
        let in_core = order.get(module).is_some_and(|place| *place <= last);
        let forbidden = |path: &str| {
            CORE_NEVER.iter().any(|never| {
                path == *never || path.starts_with(&format!("{never}::")) || path.ends_with(&format!("::{never}"))
            })
        };
        let named = reading.named.iter().filter(|named| in_core && forbidden(&named.path));
        named.map(|named| format!("{}: the core names {}", place(path, named.line), named.path)).collect()
    }));
}

#[test]
fn files_and_functions_stay_small() {
    let mut found = faults(|path, _, reading| {
        let long = reading.functions.iter().filter(|(_, _, lines)| *lines > FUNCTION_LINES_MAX);
        long.map(|(name, line, lines)| format!("{}: fn {name} has {lines} lines", place(path, *line))).collect()
    });
    for folder in ["src", "tests", "benches"] {
        for path in sources(&root().join(folder)) {
            let lines = std::fs::read_to_string(&path).expect("a source file").lines().count();
            if lines > FILE_LINES_MAX {
                found.push(format!("{}: {lines} lines", place(&path, 1)));
            }
        }
    }
    none(&found);
}

#[test]
fn every_module_says_its_job_first() {
    let mut found = Vec::new();
    for path in sources(&root().join("src")) {
        let text = std::fs::read_to_string(&path).expect("a source file");
        if !text.starts_with("//! ") && !is_test_file(&path) {
            found.push(format!("{}: no //! sentence at its top", place(&path, 1)));
        }
    }
    none(&found);
}
