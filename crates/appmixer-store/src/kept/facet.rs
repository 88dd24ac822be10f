//! What users can be filtered by.

use appmixer_core::Filter;

/// A filter's kind and value, as they are kept.
pub(crate) fn kind_and_value(filter: &Filter) -> (&'static str, &str) {
    match filter {
        Filter::Scope(scope) => ("scope", scope.as_str()),
        Filter::Plan(plan) => ("plan", plan.as_str()),
        Filter::Vendor(vendor) => ("vendor", vendor.as_str()),
        Filter::IsActive(true) => ("active", "1"),
        Filter::IsActive(false) => ("active", "0"),
        Filter::Pending => ("pending", "1"),
    }
}
