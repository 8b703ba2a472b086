//! What a request asks for behind its path.

use super::api::{MOST_ROWS, Wanted};
use super::known::{Older, ROWS};
use crate::io::store::Rows;

/// A value of a query is no longer.
const MAX_VALUE_BYTES: usize = 2048;

/// Rows and records are counted no further: SQLite's integers are signed.
pub(super) const MAX_ROW: u64 = i64::MAX.unsigned_abs();

/// The parts of a query that are asked for by name.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(query: Option<&str>) -> Self {
        let decoded = |text: &str| {
            let text = text.replace('+', " ");
            let text = percent_encoding::percent_decode_str(&text).decode_utf8_lossy();
            text.into_owned()
        };
        let pairs = query.unwrap_or_default().split('&');
        let pairs = pairs.filter_map(|pair| pair.split_once('='));
        let pairs = pairs.map(|(name, value)| (decoded(name), decoded(value)));
        Self(pairs.collect())
    }

    /// A value that is there and not empty.
    pub(super) fn get(&self, name: &'static str) -> Result<Option<String>, QueryError> {
        let Some(found) = self.0.iter().find(|(found, _)| found == name) else {
            return Ok(None);
        };
        let value = found.1.trim();
        if value.len() > MAX_VALUE_BYTES {
            return Err(QueryError::TooLong(name));
        }
        Ok((!value.is_empty()).then(|| value.to_owned()))
    }

    /// A number from 1 on.
    pub(super) fn number(&self, name: &'static str, most: u64) -> Result<Option<u64>, QueryError> {
        let Some(value) = self.get(name)? else {
            return Ok(None);
        };
        let number = value.parse().ok();
        let number = number.filter(|number| (1..=most).contains(number));
        number.ok_or(QueryError::NoNumber { name, most }).map(Some)
    }

    pub(super) fn older(&self) -> Result<Older, QueryError> {
        Ok(Older {
            log: self.get("log")?,
            before: self.number("before", MAX_ROW)?,
        })
    }

    pub(super) fn wanted(&self) -> Result<Wanted, QueryError> {
        let limit = self.number("limit", MOST_ROWS)?;
        Ok(Wanted {
            log: self.get("log")?,
            rows: Rows {
                limit: limit
                    .and_then(|limit| limit.try_into().ok())
                    .unwrap_or(ROWS),
                before: self.number("before", MAX_ROW)?,
            },
        })
    }
}

/// What is wrong with a query.
#[derive(Debug, thiserror::Error)]
pub(super) enum QueryError {
    #[error("{0} is longer than {MAX_VALUE_BYTES} bytes")]
    TooLong(&'static str),
    #[error("{name} is to be a number from 1 to {most}")]
    NoNumber { name: &'static str, most: u64 },
    #[error("m is to be a module version, as example.com/m@v1.0.0")]
    NoModule,
}
