//! Every SQL block of the documents runs, in psql, file by file, each file in a database of its own.
//!
//! A comment `-- ERROR: …` in a block says that the statement above it is refused with this message,
//! and `-- => …` that it shows this line. What a block does not say must not be refused.

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::{Db, Private};

fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let mut found: Vec<PathBuf> = ["README.md", "SECURITY.md"].iter().map(|f| root.join(f)).collect();
    let docs = fs::read_dir(root.join("docs")).expect("docs/");
    found.extend(docs.map(|entry| entry.expect("an entry of docs/").path()));
    found.retain(|path| path.extension().is_some_and(|e| e == "md"));
    found.sort();
    found
}

/// The text between a fence that says sql and its end.
fn blocks(markdown: &str) -> String {
    let mut inside = false;
    let mut sql = String::new();
    for line in markdown.lines() {
        match line.trim_end() {
            "```sql" => inside = true,
            "```" => inside = false,
            line if inside => {
                sql.push_str(line);
                sql.push('\n');
            }
            _ => {}
        }
    }
    sql
}

/// What the comments of a kind promise, in their order.
fn promised(sql: &str, mark: &str) -> Vec<String> {
    sql.lines().filter_map(|l| l.trim().strip_prefix(mark)).map(|l| l.trim().to_owned()).collect()
}

#[test]
fn every_sql_block_does_what_it_says() {
    // The documents' roles have plain names, so they get a server of their own.
    let server = Private::new(false, &["max_prepared_transactions = 2"]);
    for path in documents() {
        let sql = blocks(&fs::read_to_string(&path).expect("a document"));
        if sql.is_empty() {
            continue;
        }
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let db = Db::empty_on(&server, &name);
        let said = db.psql_script(&sql);
        let refused: Vec<String> = said
            .stderr
            .lines()
            .filter_map(|l| l.split_once("ERROR:  ").map(|(_, message)| message.to_owned()))
            .collect();
        assert_eq!(refused, promised(&sql, "-- ERROR:"), "{}\n{said:#?}", path.display());
        let mut shown = said.stdout.lines();
        for line in promised(&sql, "-- =>") {
            assert!(shown.any(|s| s == line), "{}: {line:?} was not shown\n{said:#?}", path.display());
        }
        db.drop_every_role();
    }
}

/// The files of examples/ that a page shows, and in what they are written.
fn examples(folder: &Path, found: &mut Vec<(PathBuf, &'static str)>) {
    for entry in fs::read_dir(folder).expect("a folder of examples/") {
        let path = entry.expect("an entry of it").path();
        let language = match path.extension().and_then(|e| e.to_str()) {
            _ if path.is_dir() => {
                examples(&path, found);
                continue;
            }
            Some("sql") => "sql",
            Some("ini") => "ini",
            Some("py") => "python",
            Some("js") => "javascript",
            Some("rs") => "rust",
            // What they require, which a page only names.
            _ => continue,
        };
        found.push((path, language));
    }
}

#[test]
fn the_recipes_show_the_examples_as_they_are() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let page = fs::read_to_string(root.join("docs/recipes.md")).expect("the recipes");
    let mut files = Vec::new();
    examples(&root.join("examples"), &mut files);
    for (path, language) in &files {
        let name = path.strip_prefix(root).expect("below it").display();
        let text = fs::read_to_string(path).expect("an example");
        let block = format!("`{name}`:\n\n```{language}\n{text}```\n");
        assert!(page.contains(&block), "docs/recipes.md does not show {name} as it is");
    }
    assert_eq!(page.matches("`examples/").count(), files.len(), "an example that isn't there");
}
