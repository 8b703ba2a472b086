//! What is known in a home, for people and programs that look at it.

mod api;
mod counts;
mod feed;
pub mod growth;
mod host;
mod known;
mod metrics;
mod page;
mod query;
mod record;
mod reply;
mod site;
mod state;

pub use self::api::Status;
pub use self::counts::Counts;
pub use self::host::Hosts;
pub use self::known::{Known, KnownAudit, KnownLog, View, ViewError};
pub use self::record::{RecordError, ShownRecord};
pub use self::reply::Reply;
pub use self::site::StatusSite;
pub use self::state::State;
