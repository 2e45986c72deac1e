//! The size of each Lambda's zip, made of what `sam build` or `cargo lambda build --release` has put
//! into `target/lambda`.

use std::fmt::Write as _;
use std::io::{Cursor, Write as _};
use std::path::Path;

use emulator::project;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::binaries::LAMBDAS;

/// By how many percent a zip may be larger than in the page.
const TOLERANCE: f64 = 3.0;

/// The target of a zip in megabytes, except for the docs Lambda with its pages.
const TARGET: f64 = 3.0;

/// The architectures, in the order of the table's columns, and how ELF names them.
const ARCHITECTURES: [(&str, u8); 2] = [("arm64", 0xB7), ("x86-64", 0x3E)];

/// Megabytes of each Lambda by architecture, if known.
type Sizes = [[Option<f64>; 2]; LAMBDAS.len()];

/// A table of sizes: those of what is built, and of the rest those of `page`, the table before. Also
/// a sentence for each zip that is too large.
///
/// # Panics
/// If nothing is built.
pub fn table(page: &str) -> (String, Vec<String>) {
    let mut sizes = read(page);
    let mut larger = Vec::new();
    let folder = project::source_root().join("target/lambda");
    for (name, row) in LAMBDAS.into_iter().zip(&mut sizes) {
        let Some((column, size)) = built(&folder.join(name).join("bootstrap")) else { continue };
        let (architecture, _) = ARCHITECTURES[column];
        if let Some(before) = row[column]
            && size > before * (1.0 + TOLERANCE / 100.0)
        {
            larger.push(format!("{name} on {architecture} has {size:.2} MB, and had {before:.2}"));
        }
        row[column] = Some(size);
    }
    assert!(
        sizes.iter().flatten().any(Option::is_some),
        "build them: cargo lambda build --release"
    );
    (written(&sizes), larger)
}

/// The column and the megabytes of a binary, if it exists.
fn built(path: &Path) -> Option<(usize, f64)> {
    let binary = std::fs::read(path).ok()?;
    let machine = binary.get(18)?;
    let column = ARCHITECTURES.iter().position(|(_, known)| known == machine)?;
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    zip.start_file("bootstrap", options.compression_level(Some(9))).ok()?;
    zip.write_all(&binary).ok()?;
    Some((column, zip.finish().ok()?.into_inner().len() as f64 / 1e6))
}

fn written(sizes: &Sizes) -> String {
    let [one, other] = ARCHITECTURES.map(|(name, _)| name);
    let mut table = format!("| Lambda | {one} MB | {other} MB |\n| --- | ---: | ---: |\n");
    for (name, row) in LAMBDAS.into_iter().zip(sizes) {
        let cell = |size: &Option<f64>| match size {
            Some(size) if *size > TARGET && name != "docs" => format!("**{size:.2}**"),
            Some(size) => format!("{size:.2}"),
            None => "–".to_owned(),
        };
        writeln!(table, "| {name} | {} | {} |", cell(&row[0]), cell(&row[1])).ok();
    }
    table
}

fn read(page: &str) -> Sizes {
    LAMBDAS.map(|name| {
        let row = page.lines().find_map(|line| line.strip_prefix(&format!("| {name} | ")));
        let mut cells = row.unwrap_or_default().split('|');
        let mut size = || cells.next().and_then(|cell| cell.trim_matches([' ', '*']).parse().ok());
        [size(), size()]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_table_reads_back() {
        let mut sizes: Sizes = [[None; 2]; LAMBDAS.len()];
        sizes[0] = [None, Some(2.5)];
        sizes[1] = [Some(3.25), Some(3.5)];
        assert_eq!(read(&written(&sizes)), sizes);
        assert!(written(&sizes).contains("| functions | **3.25** | **3.50** |"));
    }
}
