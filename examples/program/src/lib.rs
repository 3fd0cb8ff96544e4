//! What the example programs share: everything around what they show.
//!
//! A program is [`run`](program::run) with its name and what it does; what it was asked to do it reads with
//! [`Arguments`](arguments::Arguments), and what it has to say it says in a [`Terminal`](terminal::Terminal).

// The program around.
pub mod arguments;
pub mod escaped_text;
pub mod exit_error;
pub mod open_files;
pub mod program;
pub mod terminal;
pub mod timing;

// What its operator sees.
pub mod observability;

// Where its records are, and who it is on the network.
pub mod data_folder;
pub mod listening;
pub mod new_file;
pub mod storage;
pub mod tls;
