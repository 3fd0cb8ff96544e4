//! The sandbox, as a program and a test of it see it.

mod http;
mod process;
mod receiver;

mod clock;
mod inbound;
mod log;
mod magic_numbers;
mod readme;
mod tls;
mod users;
