//! Extracts Swagger UI and ReDoc from the crates that contain them, and compresses them. The name of each
//! file contains a hash of its contents, so browsers may cache it forever.

use std::error::Error;
use std::fmt::Write as _;
use std::io::{Cursor, Read, Write as _};
use std::path::{Path, PathBuf};
use std::{env, fs};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

/// The folder of the pages and of their own scripts and styles.
const ASSETS: &str = "assets";

/// An image of another host in ReDoc's footer. The pages must not load anything from other hosts.
const FOREIGN_IMAGE: &str = "https://cdn.redoc.ly/redoc/logo-mini.svg";

#[expect(clippy::disallowed_methods, reason = "Cargo configures a build script by its environment")]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={ASSETS}");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let mut assets = vec![
        ("swagger-ui.js", swagger_ui("swagger-ui-bundle.js")?),
        ("swagger-ui.css", swagger_ui("swagger-ui.css")?),
        ("redoc.standalone.js", redoc()?.into_bytes()),
    ];
    for name in ["docs.js", "redoc.js", "redoc.css"] {
        assets.push((name, fs::read(Path::new(ASSETS).join(name))?));
    }
    let mut pages = ["docs.html", "redoc.html"]
        .map(|name| fs::read_to_string(Path::new(ASSETS).join(name)).map(|text| (name, text)));
    let mut list = format!("static ASSETS: [Asset; {}] = [\n", assets.len());
    for (name, content) in assets {
        let (stem, extension) = name.rsplit_once('.').ok_or("an asset's name has an extension")?;
        let digest = Sha256::digest(&content);
        let hash: String = digest[..6].iter().map(|byte| format!("{byte:02x}")).collect();
        let hashed = format!("{stem}.{hash}.{extension}");
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        packed.write_all(&content)?;
        fs::write(out.join(&hashed), packed.finish()?)?;
        for page in pages.iter_mut().flatten() {
            page.1 = page.1.replace(&format!("/docs/{name}\""), &format!("/docs/{hashed}\""));
        }
        let bytes = format!("include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{hashed}\"))");
        writeln!(list, "    Asset {{ name: {hashed:?}, gzip: {bytes} }},")?;
    }
    for page in pages {
        let (name, text) = page?;
        fs::write(out.join(name), text)?;
    }
    fs::write(out.join("assets.rs"), list + "];\n")?;
    Ok(())
}

/// A file of Swagger UI's distribution.
fn swagger_ui(name: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    let wanted = format!("/dist/{name}");
    let path = archive.file_names().flatten().find(|path| path.ends_with(&wanted));
    let path = path.ok_or_else(|| format!("Swagger UI's archive has no {wanted}"))?.into_owned();
    let mut content = Vec::new();
    archive.by_name(&path)?.read_to_end(&mut content)?;
    Ok(content)
}

/// ReDoc's script. Its crate has it only as part of a page.
fn redoc() -> Result<String, Box<dyn Error>> {
    let page = aide::redoc::Redoc::new("").html();
    let script = page.split_once("<script>").and_then(|(_, rest)| rest.rsplit_once("Redoc.init("));
    let (script, _) = script.ok_or("aide's page of ReDoc has changed")?;
    if !script.contains(FOREIGN_IMAGE) {
        return Err("ReDoc's footer has another image".into());
    }
    Ok(script.trim().replace(FOREIGN_IMAGE, "data:,"))
}
