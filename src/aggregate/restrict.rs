//! A plan cut down to some of its aggregates: what a back-fill lane fills, where only part of the book is missing.

use std::collections::BTreeSet;

use super::plan::{AggregateId, Facet, Plan};

impl Plan {
    /// The same plan where rows feed only the aggregates `wanted`. Numbers of series stay those of the whole plan, so its names fit; nothing can
    /// be scored by it.
    pub fn restricted(&self, wanted: &BTreeSet<AggregateId>) -> Plan {
        let wanted = self.aggregates.iter().filter(|aggregate| wanted.contains(&aggregate.id));
        let facets: BTreeSet<Facet> = wanted.map(|aggregate| aggregate.facet).collect();
        let mut plan = Plan { key_results: Vec::new(), kpis: Vec::new(), ..self.clone() };
        for table in &mut plan.tables {
            table.tallies.retain(|(_, index)| facets.contains(&Facet::Tally(*index)));
            table.sketches.retain(|(_, index)| facets.contains(&Facet::Sketch(*index)));
            table.sets.retain(|(_, index)| facets.contains(&Facet::Set(*index)));
        }
        for event in &mut plan.events {
            let tables = &plan.tables;
            event.tables.retain(|position| {
                let table = &tables[*position];
                !table.tallies.is_empty() || !table.sketches.is_empty() || !table.sets.is_empty()
            });
            event.roles.retain(|role| facets.contains(&Facet::Pairs(role.pairs)));
            event.tells.retain(|tell| facets.contains(&Facet::Levels(tell.levels)));
            // What nothing reads is not evaluated: a filter costs more than a look-up.
            if event.tables.is_empty() && event.tells.is_empty() {
                event.inputs.clear();
                if event.roles.is_empty() {
                    event.dimensions.clear();
                }
            }
        }
        plan
    }
}
