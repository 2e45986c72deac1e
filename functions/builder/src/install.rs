//! Installing chosen versions.

use std::fmt::Write;
use std::fs;

use sha2::{Digest, Sha256};

use crate::answer::{Answer, InstalledPackage};
use crate::failure::{Failure, Stop};
use crate::http_client;
use crate::index_url::IndexUrl;
use crate::layer::Layer;
use crate::lock;
use crate::process;
use crate::request::Install;
use crate::requirements;
use crate::settings::Settings;
use crate::target::Target;
use crate::uv::{self, Uv};

/// The names of what is made in the work folder.
const LOCK: &str = "lock.txt";
const FOLDER: &str = "layer/python";
const ZIP: &str = "layer.zip";

/// The most packages that are named where a layer is too large.
const MAX_NAMED: usize = 5;

pub(crate) async fn run(settings: &Settings, request: Install) -> Result<Answer, Stop> {
    let Install { lock, python, architecture, index, limit_bytes, put } = request;
    let lines = requirements::check(&lock).map_err(Stop::Refused)?;
    let locked = lock::packages(&lines).map_err(Stop::Refused)?;
    if locked.is_empty() {
        return Err(Stop::Refused(
            "The lock names no package, so there is nothing to install.".into(),
        ));
    }
    let index = IndexUrl::of(index).map_err(Stop::Refused)?;
    let target = Target { python, architecture };
    let path = |name| settings.work.join(name);
    fs::write(path(LOCK), lines.join("\n") + "\n").map_err(Failure::disk("writing the lock"))?;

    let uv = Uv::ready(settings, &index, target).await?;
    let mut command = uv.command(["pip", "install", "--require-hashes", "--no-deps"]);
    command.args(["--requirements", LOCK, "--target", FOLDER]);
    let output = process::run(command, settings.limits.install).await?;
    if !output.has_succeeded() {
        return Err(uv.explain(&output, settings.limits.install));
    }

    let layer = Layer::read(&path(FOLDER), locked)?;
    for package in uv::built(&output.stderr) {
        layer.check_pure(package, target)?;
    }
    let packages = layer.packages();
    let unzipped_bytes = layer.bytes();
    if unzipped_bytes > limit_bytes {
        return Err(Stop::Refused(too_large(unzipped_bytes, limit_bytes, packages)));
    }
    layer.zip(&path(ZIP)).map_err(Failure::disk("writing the zip"))?;
    let zip = fs::read(path(ZIP)).map_err(Failure::disk("reading the zip"))?;
    let zipped_bytes = zip.len() as u64;
    let zip_sha256 = hex::encode(Sha256::digest(&zip));
    http_client::put(&put.url, &put.headers, zip).await.map_err(Failure::Store)?;
    Ok(Answer::Installed { unzipped_bytes, zipped_bytes, zip_sha256, packages })
}

fn too_large(bytes: u64, limit: u64, mut packages: Vec<InstalledPackage>) -> String {
    packages.sort_by_key(|package| std::cmp::Reverse(package.bytes));
    let mut message = format!(
        "The packages take {} unzipped, and {} are allowed; the largest are ",
        megabytes(bytes),
        megabytes(limit)
    );
    for (index, package) in packages.iter().take(MAX_NAMED).enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        // Writing to a text never fails.
        let _ = write!(message, "{comma}{} ({})", package.name, megabytes(package.bytes));
    }
    message + "."
}

/// In units of 1024 · 1024 bytes, as AWS gives its limits.
fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / (1024.0 * 1024.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_five_largest_packages_are_named_with_their_sizes() {
        let package = |(name, megabytes): (&str, u64)| InstalledPackage {
            name: name.to_owned(),
            version: "1".to_owned(),
            bytes: megabytes * 1024 * 1024,
        };
        let packages =
            [("a", 1), ("b", 60), ("c", 30), ("d", 2), ("e", 200), ("f", 3)].map(package);
        assert_eq!(
            too_large(310_902_784, 262_144_000, packages.to_vec()),
            "The packages take 296.5 MB unzipped, and 250.0 MB are allowed; the largest are e \
             (200.0 MB), b (60.0 MB), c (30.0 MB), f (3.0 MB), d (2.0 MB)."
        );
    }
}
