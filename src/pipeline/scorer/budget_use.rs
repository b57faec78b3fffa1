//! How much of each budget is used: read from the ledger whenever it is scored.

use std::collections::BTreeMap;

use super::ledger::Ledger;
use crate::aggregate::budget::{Budget, BudgetUse};
use crate::aggregate::plan::Facet;

impl Ledger {
    /// How much of each budget is used, by metric, and by topic for ids.
    pub(super) fn budget_uses(&self) -> Vec<BudgetUse> {
        let mut uses: BTreeMap<(Budget, &str), (usize, bool)> = BTreeMap::new();
        let mut add = |budget: Budget, of, held: usize, passed: bool| {
            let known = uses.entry((budget, of)).or_default();
            *known = (known.0.max(held), known.1 || passed);
        };
        let passed = |facet| self.facts.past_budget(facet);
        for aggregate in &self.plan.aggregates {
            let of = aggregate.metric.as_str();
            let mut series = Vec::new();
            match aggregate.facet {
                facet @ (Facet::Tally(_) | Facet::Sketch(_)) => series.push(facet),
                facet @ Facet::Set(index) => {
                    series.push(facet);
                    add(Budget::Distinct, of, self.facts.set(index).held(), passed(facet) == Some(Budget::Distinct));
                }
                facet @ Facet::Pairs(index) => {
                    let derived = &self.plan.pairs[index.0 as usize].derived;
                    series.extend(derived.iter().map(|derived| Facet::Tally(derived.tally)));
                    add(Budget::Pairs, of, self.pairs_held(index.0 as usize), passed(facet).is_some());
                }
                facet @ Facet::Levels(index) => {
                    let derived = &self.plan.levels[index.0 as usize].derived;
                    series.extend(derived.iter().map(|changes| Facet::Tally(changes.tally)));
                    add(Budget::Levels, of, self.levels[index.0 as usize].held(), passed(facet).is_some());
                }
            }
            for facet in series {
                let members = self.facts.member_count(facet);
                add(Budget::Members, of, members, passed(facet) == Some(Budget::Members));
            }
        }
        for (partition, known) in &self.partitions {
            let topic = self.book.topics[usize::from(partition.topic.0)].name.as_str();
            add(Budget::DedupIds, topic, known.ids_held, known.has_let_ids_go);
        }
        let told = |((budget, of), (held, passed)): ((Budget, &str), (usize, bool))| BudgetUse {
            budget,
            of: of.to_owned(),
            limit: budget.limit(&self.facts.budgets),
            held,
            passed,
        };
        uses.into_iter().map(told).collect()
    }
}
