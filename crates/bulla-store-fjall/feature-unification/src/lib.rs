//! Nothing to link: this package exists to be tested in a build of its own, see `tests/`.
