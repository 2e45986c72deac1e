//! The release of `uv` that is used: <https://pypi.org/project/uv/0.13.9/#files>.

/// The name of the program in its folder. Each version has its own, so none is ever changed.
pub(crate) const FILE_NAME: &str = "uv-0.13.9";

/// A wheel with the program for one platform.
pub(super) struct Wheel {
    pub(super) url: &'static str,
    /// The SHA-256 of the wheel.
    pub(super) wheel_sha256: &'static str,
    /// The SHA-256 of the program.
    pub(super) program_sha256: &'static str,
}

/// The path of the program in each wheel.
pub(super) const PROGRAM: &str = "uv-0.13.9.data/scripts/uv";

/// The wheel for this machine.
pub(super) const WHEEL: Option<Wheel> = if cfg!(all(target_os = "linux", target_arch = "aarch64")) {
    Some(Wheel {
        url: "https://files.pythonhosted.org/packages/fe/2f/51a5de367c602592c018a42a23d57fba5f2689fe6c3bf025dcf043b39c61/uv-0.13.9-py3-none-manylinux_2_28_aarch64.whl",
        wheel_sha256: "ecb6028d79dc96fbeafffe5c8af62a7099487ebc05a701e76714eebcffd06375",
        program_sha256: "6109e47a75f2380d1cc90b00a6ee82b7b5792ddf66588625ec168545ae17512e",
    })
} else if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
    Some(Wheel {
        url: "https://files.pythonhosted.org/packages/3d/aa/26d64642d808de4a652579ef950d7cd2d37f080a8babf9c67c6b75fc4c3f/uv-0.13.9-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        wheel_sha256: "d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19",
        program_sha256: "b73acdf73b96c3ac9e56d2fa933427b3ee6a901e3cce6ba1e3ecb3f91ca0d86a",
    })
} else if cfg!(all(target_os = "macos", target_arch = "aarch64")) {
    Some(Wheel {
        url: "https://files.pythonhosted.org/packages/f3/a7/a8d7b074798c7fb3b26b37584b8fe2e29df2ccdc24ce7902caab2a53edbf/uv-0.13.9-py3-none-macosx_11_0_arm64.whl",
        wheel_sha256: "66c512266d633bef48384a1f53003f41f2a8e7b36fe6e7fbfd3e0fd52d96fa63",
        program_sha256: "0e17c316d23b33b4e840669f516f5cb7f5c1faa816ebd3824052ab50082ecefb",
    })
} else {
    None
};
