//! Edits of feeds.toml that a command makes: the text in, the text out, with everything that a person
//! wrote (comments, order, blank lines) left as it was.

use thiserror::Error;
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, Value, value};
use url::Url;

use super::environment;
use crate::model::source::{Address, SourceId};

/// Why a file could not be edited.
#[derive(Debug, Error)]
pub enum EditError {
    /// It is no TOML.
    #[error("feeds.toml cannot be edited while it has errors: {0}")]
    Syntax(String),
    /// The sources are written in another way than `[[source]]`.
    #[error("`source` in feeds.toml is no list of [[source]] tables; edit it by hand")]
    NotTables,
    /// There is no such source.
    #[error("there is no source `{0}` in feeds.toml")]
    Unknown(String),
}

/// A source to be written.
#[derive(Debug, Clone)]
pub struct NewSource {
    /// Its id.
    pub id: SourceId,
    /// Its address.
    pub url: String,
    /// Its name for people.
    pub name: Option<String>,
    /// Its group.
    pub group: Option<String>,
    /// Further keys, in the order in which they are to stand.
    pub keys: Vec<(&'static str, Value)>,
}

fn parse(text: &str) -> Result<DocumentMut, EditError> {
    text.parse().map_err(|error: toml_edit::TomlError| EditError::Syntax(error.message().to_owned()))
}

fn tables(document: &mut DocumentMut) -> Result<&mut ArrayOfTables, EditError> {
    let item = document.entry("source").or_insert(Item::ArrayOfTables(ArrayOfTables::new()));
    item.as_array_of_tables_mut().ok_or(EditError::NotTables)
}

/// The id that a table has or that is derived from its address.
fn id_of(table: &Table) -> Option<SourceId> {
    let text = |key: &str| table.get(key).and_then(Item::as_str).map(environment::read_as);
    match (text("id"), text("url")) {
        (Some(id), _) => SourceId::new(&id).ok(),
        (None, Some(url)) => match url.trim().strip_prefix("file:") {
            Some(path) => Some(SourceId::from_address(&Address::File(path.into()))),
            None => Url::parse(url.trim()).ok().map(|url| SourceId::from_address(&Address::Web(url))),
        },
        (None, None) => None,
    }
}

fn place_of(tables: &ArrayOfTables, id: &SourceId) -> Result<usize, EditError> {
    let place = tables.iter().position(|table| id_of(table).as_ref() == Some(id));
    place.ok_or_else(|| EditError::Unknown(id.to_string()))
}

/// Appends sources.
///
/// # Errors
/// [`EditError`] where the text cannot be edited.
pub fn append(text: &str, sources: &[NewSource]) -> Result<String, EditError> {
    let mut document = parse(text)?;
    let list = tables(&mut document)?;
    for source in sources {
        let mut table = Table::new();
        table.insert("id", value(source.id.as_str()));
        table.insert("url", value(source.url.as_str()));
        for (key, text) in [("name", &source.name), ("group", &source.group)] {
            if let Some(text) = text {
                table.insert(key, value(text.as_str()));
            }
        }
        for (key, written) in &source.keys {
            table.insert(key, Item::Value(written.clone()));
        }
        let begins = if text.is_empty() && list.is_empty() { "" } else { "\n" };
        table.decor_mut().set_prefix(begins);
        list.push(table);
    }
    Ok(document.to_string())
}

/// Takes a source out.
///
/// # Errors
/// [`EditError`] where it is not there or the text cannot be edited.
pub fn remove(text: &str, id: &SourceId) -> Result<String, EditError> {
    let mut document = parse(text)?;
    let list = tables(&mut document)?;
    let place = place_of(list, id)?;
    list.remove(place);
    Ok(document.to_string())
}

/// Gives a source another id; one whose id came from its address gets the new one written below the rest.
///
/// # Errors
/// [`EditError`] where it is not there or the text cannot be edited.
pub fn rename(text: &str, old: &SourceId, new: &SourceId) -> Result<String, EditError> {
    let mut document = parse(text)?;
    let list = tables(&mut document)?;
    let place = place_of(list, old)?;
    if let Some(table) = list.get_mut(place) {
        match table.get_mut("id").and_then(Item::as_value_mut) {
            Some(written) => {
                let decor = written.decor().clone();
                *written = new.as_str().into();
                *written.decor_mut() = decor;
            }
            None => {
                table.insert("id", value(new.as_str()));
            }
        }
    }
    Ok(document.to_string())
}

/// Gives a source another address. One whose id comes from its address keeps that by name.
///
/// # Errors
/// [`EditError`] where it is not there or the text cannot be edited.
pub fn move_to(text: &str, id: &SourceId, url: &str) -> Result<String, EditError> {
    let mut document = parse(text)?;
    let list = tables(&mut document)?;
    let place = place_of(list, id)?;
    if let Some(table) = list.get_mut(place) {
        let decor = table.get("url").and_then(Item::as_value).map(|value| value.decor().clone());
        table.insert("url", value(url));
        if let (Some(decor), Some(written)) = (decor, table.get_mut("url").and_then(Item::as_value_mut)) {
            *written.decor_mut() = decor;
        }
        if table.get("id").is_none() {
            table.insert("id", value(id.as_str()));
        }
    }
    Ok(document.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# mine\n[river]\ntitle = \"t\" # the title\n\n# first\n[[source]]\nurl = \"http://a.example/x\" # why\nevery = \"1h\"\n\n# second\n[[source]]\nid = \"b\"\nurl = \"http://b.example/\"\n";

    fn id(text: &str) -> SourceId {
        SourceId::new(text).unwrap_or_else(|_| panic!("{text}"))
    }

    #[test]
    fn what_a_person_wrote_stays() -> Result<(), EditError> {
        let source = NewSource {
            id: id("c"),
            url: "http://c.example/".into(),
            name: Some("三".into()),
            group: None,
            keys: Vec::new(),
        };
        let added = append(TEXT, &[source])?;
        assert_eq!(added, format!("{TEXT}\n[[source]]\nid = \"c\"\nurl = \"http://c.example/\"\nname = \"三\"\n"));
        assert_eq!(remove(&added, &id("c"))?, TEXT);
        let removed = remove(TEXT, &id("b"))?;
        assert!(removed.contains("# first") && !removed.contains("b.example"), "{removed}");
        let moved = move_to(TEXT, &id("a-example-x"), "https://a.example/y")?;
        assert!(
            moved.contains("url = \"https://a.example/y\" # why") && moved.contains("id = \"a-example-x\""),
            "{moved}"
        );
        let moved = move_to(TEXT, &id("b"), "https://b.example/")?;
        assert_eq!(moved, TEXT.replace("http://b.", "https://b."));
        assert_eq!(rename(TEXT, &id("b"), &id("c"))?, TEXT.replace("id = \"b\"", "id = \"c\""));
        assert!(rename(TEXT, &id("a-example-x"), &id("c"))?.contains("every = \"1h\"\nid = \"c\"\n"));
        assert!(matches!(remove(TEXT, &id("z")), Err(EditError::Unknown(_))));
        assert!(matches!(remove("source = 1", &id("z")), Err(EditError::NotTables)));
        assert!(matches!(append("[", &[]), Err(EditError::Syntax(_))));
        Ok(())
    }
}
