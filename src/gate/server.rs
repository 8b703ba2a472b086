//! What the gate answers over HTTP, as a download tool expects it.

mod answer;
mod body;
mod exchange;
mod site;
pub mod tokens;

pub use self::site::Site;
