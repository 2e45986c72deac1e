//! Resolves and installs the Python packages of users' functions, with `uv`.
//!
//! A source distribution runs its author's code when it is built. So this Lambda's role may only write
//! logs, and what it reads and writes comes with the event: the requirements, the index, and one presigned
//! URL for one object. Between two builds nothing is kept but the program `uv`, whose hash is checked
//! before each use.
//!
//! What a build meets:
//!
//! - The environment is cleared. It holds the few variables that `uv` needs, and none of `AWS_`.
//! - This process can't be traced, and its memory and its environment can't be read by other processes of
//!   its user. Root can't be kept out, so run tests of this as another user.
//! - Each process that a build starts is killed before the answer is returned, also one in a session of
//!   its own. On Linux this process adopts all of them; elsewhere only the group of `uv` is killed.
//! - The work folder is wiped before and after each build.
//!
//! A build can read the credentials of the index that its event names, and can connect to any host that
//! the Lambda reaches. Don't use SnapStart: it serves credentials on a local address instead of in the
//! environment.
//!
//! On Lambda the runtime is `python3.13` on Amazon Linux 2023, with this program as its runtime process:
//! `python` is `/var/lang/bin/python3.13`, `libraries` is `/var/lang/lib`, `work` is `/tmp`, and `uv` is
//! downloaded into `/tmp/uv`, which is spared when `/tmp` is wiped. The zip of a layer is held in memory.

mod answer;
mod build;
mod descendants;
mod failure;
mod hashes;
mod http_client;
mod index_url;
mod install;
mod layer;
mod lock;
mod own_process;
mod process;
mod request;
mod requirements;
mod resolve;
mod settings;
mod target;
mod uv;
mod wipe;

pub use answer::{Answer, InstalledPackage, ResolvedPackage};
pub use build::Builder;
pub use failure::Failure;
pub use request::{Install, Put, Request, Resolve};
pub use settings::{Limits, Settings, Targets, UvSource};
pub use target::{Architecture, PythonVersion};
