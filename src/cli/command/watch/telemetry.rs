//! Traces for an OpenTelemetry collector, if the variables of its specification name one:
//! `OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, over HTTP with protobuf.

use anyhow::Context as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The variables that name a collector.
const ENDPOINTS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
];

/// Traces are sent for as long as this lives, and what is left of them at its end.
pub(super) struct Telemetry(SdkTracerProvider);

/// Begins to send traces; `None` if nobody is named who wants them.
pub(super) fn start() -> anyhow::Result<Option<Telemetry>> {
    let is_named = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if !ENDPOINTS.iter().any(is_named) {
        return Ok(None);
    }
    crate::io::http::install_crypto();
    let exporter = SpanExporter::builder().with_http().build();
    let exporter = exporter.context("traces cannot be sent")?;
    let resource = Resource::builder().with_service_name("sumcheck").build();
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource)
        .build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("sumcheck"));
    tracing_subscriber::registry()
        .with(layer)
        .try_init()
        .context("traces cannot be sent")?;
    Ok(Some(Telemetry(provider)))
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        // A collector that is away is no reason to stay.
        let _ = self.0.shutdown();
    }
}
