//! A whole project that is uploaded as a zip archive.

use std::fmt;

use super::error::ValidationError;
use super::file_path::{FilePath, shown};
use super::main_file;
use super::project_files::{Packer, ProjectFiles, refuse_bytes, refuse_count, refuse_overlap};
use super::requirements::Requirements;
use super::zip_archive::{Archive, Entry};

/// The source and the other files of a function, from one archive.
#[derive(Clone, PartialEq, Eq)]
pub struct Project {
    /// The path of the source.
    pub main: FilePath,
    /// The source: UTF-8, 1 byte to 1 MiB.
    pub code: String,
    /// The other files, as they were sent.
    pub files: ProjectFiles,
    /// What `requirements.txt` says.
    pub requirements: Option<Requirements>,
}

/// The manifest of Spin, which is read and not kept.
const MANIFEST: &str = "spin.toml";

/// The most bytes of a manifest. A longer one is not read.
const MAX_MANIFEST_BYTES: usize = 64 * 1024;

impl Project {
    /// The most bytes of the archive.
    pub const MAX_ZIP_BYTES: usize = 40_000_000;

    /// The most bytes of the source: 1 MiB.
    pub const MAX_CODE_BYTES: usize = 1024 * 1024;

    /// Reads an archive: at most 40,000,000 bytes, with 2,000 files that have 200,000,000 bytes in all.
    ///
    /// The source is `main`, where that is given, or the file that looks like it. Where all files are
    /// in one folder, as in an archive of GitHub, paths begin below it, and `main` may do so too; a
    /// folder that is a Python package is kept, and so is `src` or the like.
    ///
    /// Nothing that the archive says of sizes is believed. Each file is unpacked and packed again in
    /// small parts, so memory stays near the sizes of the two archives.
    ///
    /// # Errors
    /// [`ValidationError`], worded to follow the name of the field with the archive.
    pub fn from_zip(bytes: &[u8], main: Option<&FilePath>) -> Result<Self, ValidationError> {
        if bytes.len() > Self::MAX_ZIP_BYTES {
            let (max, length) = (Self::MAX_ZIP_BYTES, bytes.len());
            return Err(ValidationError(format!("must be at most {max} bytes, and has {length}")));
        }
        let mut archive = Archive::open(bytes)?;
        let mut entries = archive.files(MANIFEST)?;
        let folder = top_folder(&entries);
        if let Some(folder) = &folder {
            for entry in &mut entries {
                entry.path = entry.path.within(folder).unwrap_or_else(|| entry.path.clone());
            }
        }
        let (ignored, mut files): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|entry| entry.path.is_ignored());
        refuse_count(files.len())?;
        refuse_bytes(files.iter().map(|file| file.size).fold(0, u64::saturating_add))?;
        files.sort_by(|one, other| one.path.cmp(&other.path));
        refuse_overlap(&files.iter().map(|file| file.path.clone()).collect::<Vec<_>>())?;

        let main = match main {
            Some(main) => named(&files, main, folder.as_deref())?,
            None => {
                let manifest = manifest(&mut archive, &ignored);
                let filled = files.iter().filter(|file| file.size > 0).map(|file| &file.path);
                main_file::choose(&filled.collect::<Vec<_>>(), manifest.as_deref())?
            }
        };
        let mut code = Vec::new();
        // With room for files that were compressed harder than they are here: growing would copy all.
        let mut packer = Packer::new(bytes.len() + bytes.len() / 4);
        for file in files {
            if file.path == main {
                code = archive.read(&file, Self::MAX_CODE_BYTES)?;
            } else {
                packer.add(file.path.clone(), archive.content(&file)?)?;
            }
        }
        let files = packer.finish()?;
        refuse_bytes(files.unzipped_bytes() + code.len() as u64)?;
        let name = shown(main.as_str());
        if code.is_empty() {
            return Err(ValidationError(format!("holds {name}, which must not be empty")));
        }
        let code = String::from_utf8(code).map_err(|_| {
            ValidationError(format!("holds {name}, which must be Python source in UTF-8"))
        })?;
        let requirements = files.requirements()?;
        Ok(Self { main, code, files, requirements })
    }
}

/// Files are confidential, and must not get into a log by accident.
impl fmt::Debug for Project {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Project({}: {} bytes, {:?})", self.main, self.code.len(), self.files)
    }
}

/// The folder that all files are in, if it is only the project's own.
fn top_folder(entries: &[Entry]) -> Option<String> {
    let top = |entry: &Entry| entry.path.as_str().split_once('/').map(|(top, _)| top.to_owned());
    let folder = top(entries.first()?)?;
    let is_alone = entries.iter().all(|entry| top(entry).as_ref() == Some(&folder));
    // Imports go by the name of a package, so its folder has to stay.
    let package = format!("{folder}/__init__.py");
    let is_package = entries.iter().any(|entry| entry.path.as_str() == package);
    let is_customary = main_file::CUSTOMARY_FOLDERS.contains(&folder.as_str());
    (is_alone && !is_package && !is_customary).then_some(folder)
}

/// The file that is named as the source, from the top of the archive or of the project.
fn named(
    files: &[Entry],
    main: &FilePath,
    folder: Option<&str>,
) -> Result<FilePath, ValidationError> {
    let below = folder.and_then(|folder| main.within(folder));
    let found = [Some(main.clone()), below]
        .into_iter()
        .flatten()
        .find(|path| files.binary_search_by(|file| file.path.cmp(path)).is_ok());
    let shown = shown(main.as_str());
    match found {
        None => Err(ValidationError(format!("holds no {shown}, which mainFile names"))),
        Some(path) if path.is_python() => Ok(path),
        Some(_) => Err(ValidationError(format!(
            "holds {shown}, which mainFile names, and which must be a Python file (.py)"
        ))),
    }
}

/// The text of the manifest at the top, where it can be read.
fn manifest(archive: &mut Archive<'_>, ignored: &[Entry]) -> Option<String> {
    let entry = ignored.iter().find(|entry| entry.path.as_str() == MANIFEST)?;
    String::from_utf8(archive.read(entry, MAX_MANIFEST_BYTES).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use proptest::prelude::*;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in files {
            if name.ends_with('/') {
                writer.add_directory(*name, SimpleFileOptions::default()).unwrap();
            } else {
                writer.start_file(*name, SimpleFileOptions::default()).unwrap();
                writer.write_all(content).unwrap();
            }
        }
        writer.finish().unwrap().into_inner()
    }

    fn project(files: &[(&str, &[u8])]) -> Project {
        Project::from_zip(&zipped(files), None).unwrap()
    }

    fn refusal(zip: &[u8]) -> String {
        Project::from_zip(zip, None).unwrap_err().0
    }

    fn names(project: &Project) -> Vec<&str> {
        project.files.names().iter().map(FilePath::as_str).collect()
    }

    fn path(text: &str) -> FilePath {
        FilePath::read(text).unwrap()
    }

    #[test]
    fn a_project_has_a_source_and_its_other_files() {
        let read = project(&[
            ("app.py", b"import lib.db"),
            ("lib/", b""),
            ("lib/__init__.py", b""),
            ("lib/db.py", b"x = 1"),
            ("requirements.txt", b"Rich\r\n# no more\n"),
            ("data/a.bin", b"\xff\x00"),
        ]);
        assert_eq!((read.main.as_str(), read.code.as_str()), ("app.py", "import lib.db"));
        let expected = ["data/a.bin", "lib/__init__.py", "lib/db.py", "requirements.txt"];
        assert_eq!(names(&read), expected);
        assert_eq!(read.files.get(&path("data/a.bin")).unwrap().unwrap(), b"\xff\x00");
        let requirements = read.requirements.unwrap();
        assert_eq!(requirements.text(), "Rich\r\n# no more\n");
        assert_eq!(requirements.effective(), ["rich"]);
        let alone = project(&[("a.py", b"1")]);
        assert!(alone.files.is_empty() && alone.requirements.is_none());
        assert_eq!(alone.files, ProjectFiles::default());
    }

    #[test]
    fn what_tools_make_is_passed_over() {
        let read = project(&[
            ("__MACOSX/._app.py", b"x"),
            ("repo-main/", b""),
            ("repo-main/.git/config", b"x"),
            ("repo-main/.venv/lib/site.py", b"x"),
            ("repo-main/__pycache__/app.cpython-312.pyc", b"x"),
            ("repo-main/app.py", b"1"),
            ("repo-main/app.wasm", b"x"),
            ("repo-main/a.txt", b"2"),
            ("repo-main/spin.toml", b"x"),
            (".DS_Store", b"x"),
        ]);
        assert_eq!((read.main.as_str(), names(&read)), ("app.py", vec!["a.txt"]));
    }

    #[test]
    fn a_single_folder_at_the_top_is_left_out_unless_imports_need_it() {
        assert_eq!(names(&project(&[("r/app.py", b"1"), ("r/lib/a.py", b"")])), ["lib/a.py"]);
        let files: [(&str, &[u8]); 2] = [("r\\app.py", b"1"), ("r\\lib\\a.py", b"")];
        assert_eq!(names(&project(&files)), ["lib/a.py"]);
        let package = project(&[("r/__init__.py", b""), ("r/app.py", b"1")]);
        assert_eq!((package.main.as_str(), names(&package)), ("r/app.py", vec!["r/__init__.py"]));
        assert_eq!(project(&[("src/a.py", b"1"), ("src/b.txt", b"1")]).main.as_str(), "src/a.py");
        assert_eq!(names(&project(&[("app.py", b"1"), ("r/a.py", b"")])), ["r/a.py"]);
    }

    #[test]
    fn the_source_is_the_one_that_is_named() {
        let zip = zipped(&[("r/app.py", b"1"), ("r/lib/b.py", b"2"), ("r/c.txt", b"3")]);
        let named = |text| Project::from_zip(&zip, Some(&path(text)));
        for text in ["lib/b.py", "r/lib/b.py"] {
            let read = named(text).unwrap();
            assert_eq!((read.main.as_str(), read.code.as_str()), ("lib/b.py", "2"));
            assert_eq!(names(&read), ["app.py", "c.txt"]);
        }
        assert_eq!(named("x.py").unwrap_err().0, "holds no \"x.py\", which mainFile names");
        assert!(named("c.txt").unwrap_err().0.ends_with("must be a Python file (.py)"));
    }

    #[test]
    fn spin_names_the_source() {
        let manifest =
            b"[component.a.build]\ncommand = \"componentize-py -w spin-http componentize b\"";
        let read = project(&[("r/spin.toml", manifest), ("r/app.py", b"1"), ("r/b.py", b"2")]);
        assert_eq!((read.main.as_str(), names(&read)), ("b.py", vec!["app.py"]));
    }

    #[test]
    fn what_could_not_run_is_refused() {
        let told = refusal(&zipped(&[("a.py", b"1"), ("b.py", b"2")]));
        assert!(told.contains("(\"a.py\", \"b.py\")") && told.contains("mainFile"), "{told}");
        assert_eq!(refusal(&zipped(&[])), "must hold a Python file that is not empty");
        let told = refusal(&zipped(&[("a.py", b"\xff")]));
        assert_eq!(told, "holds \"a.py\", which must be Python source in UTF-8");
        let large = vec![b'#'; Project::MAX_CODE_BYTES + 1];
        assert_eq!(
            refusal(&zipped(&[("a.py", &large)])),
            "holds \"a.py\" of more than 1048576 bytes"
        );
        assert!(Project::from_zip(&zipped(&[("a.py", &large[1..])]), None).is_ok());
        let empty = Project::from_zip(&zipped(&[("a.py", b"")]), Some(&path("a.py")));
        assert_eq!(empty.unwrap_err().0, "holds \"a.py\", which must not be empty");
        let told = refusal(&zipped(&[("a.py", b"1"), ("requirements.txt", b"a\n-r b.txt")]));
        let expected = "holds a requirements.txt, which must name packages, one a line, and line 2 \
                        includes another file";
        assert!(told.starts_with(expected), "{told}");
        let told = refusal(&zipped(&[("a.py", b"1"), ("requirements.txt", b"\xff")]));
        assert_eq!(told, "holds a requirements.txt, which must be text in UTF-8");
    }

    #[test]
    fn limits_hold() {
        let told = refusal(&vec![0; Project::MAX_ZIP_BYTES + 1]);
        assert_eq!(told, "must be at most 40000000 bytes, and has 40000001");
        let many = |count: usize| {
            let names: Vec<_> = (0..count).map(|n| format!("{n}.txt")).collect();
            let mut files: Vec<(&str, &[u8])> =
                names.iter().map(|name| (&**name, &b"1"[..])).collect();
            files.push(("a.py", b"1"));
            zipped(&files)
        };
        assert_eq!(Project::from_zip(&many(1999), None).unwrap().files.count(), 1999);
        assert_eq!(refusal(&many(2000)), "must hold at most 2000 files, and holds 2001");
        let told = refusal(&many(20_000));
        assert_eq!(told, "must be a zip archive of at most 20000 files and folders, and has 20001");
    }

    #[test]
    fn a_bomb_is_refused_by_what_it_says_and_by_what_it_holds() {
        let part = vec![0; 50_000_000];
        let bomb = zipped(&[
            ("a.py", b"1"),
            ("a", &part),
            ("b", &part),
            ("c", &part),
            ("d", &part),
            ("e", b"1"),
        ]);
        assert!(bomb.len() < 1_000_000);
        let expected = "must hold at most 200000000 bytes unpacked";
        assert_eq!(refusal(&bomb), expected);
        // One that says it is smaller.
        let mut liar = bomb.clone();
        let size = 50_000_000_u32.to_le_bytes();
        for at in 0..liar.len() - 4 {
            if liar[at..at + 4] == size {
                liar[at..at + 4].copy_from_slice(&1_u32.to_le_bytes());
            }
        }
        let told = refusal(&liar);
        assert!(told == expected || told.contains("is damaged"), "{told}");
    }

    #[test]
    fn equal_projects_have_equal_files_however_they_were_packed() {
        let files: [(&str, &[u8]); 3] = [("a.py", b"1"), ("b/c.txt", b"2"), ("b.txt", b"3")];
        let mut reversed = files;
        reversed.reverse();
        let one = project(&files);
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in reversed {
            let options = SimpleFileOptions::default()
                .compression_method(zip::CompressionMethod::Stored)
                .unix_permissions(0o600);
            writer.start_file(format!("x/{name}"), options).unwrap();
            writer.write_all(content).unwrap();
        }
        let other = Project::from_zip(&writer.finish().unwrap().into_inner(), None).unwrap();
        assert_eq!(one, other);
        assert_eq!(one.files.sha256(), other.files.sha256());
        assert_eq!(ProjectFiles::read(one.files.as_zip().to_vec()), Ok(one.files));
    }

    proptest! {
        #[test]
        fn no_damage_panics(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4), cut in any::<prop::sample::Index>()) {
            let manifest = b"[component.a.build]\ncommand = 'componentize-py componentize a'";
            let mut zip = zipped(&[("r/spin.toml", manifest), ("r/a.py", b"print(1)"), ("r/requirements.txt", b"a")]);
            for (at, byte) in changes {
                let at = at.index(zip.len());
                zip[at] = byte;
            }
            if let Ok(read) = Project::from_zip(&zip, None) {
                prop_assert!(ProjectFiles::read(read.files.as_zip().to_vec()).is_ok());
            }
            let _ = ProjectFiles::read(zip.clone());
            let _ = Project::from_zip(&zip[..cut.index(zip.len())], None);
        }
    }
}
