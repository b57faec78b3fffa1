//! One list of stories, told over both backends: SQLite always, PostgreSQL where `KRSCORE_TEST_POSTGRES` names a server.
//!
//! Each story has a store of its own: a file in a temporary folder, or a database that is made before and dropped after.
//! Without a server the PostgreSQL half prints its name and passes; with `KRSCORE_TEST_REQUIRE_SERVICES=1` it fails instead.

#[path = "store/bi.rs"]
mod bi;
#[path = "store/commits.rs"]
mod commits;
#[path = "store/folds.rs"]
mod folds;
#[path = "store/lanes.rs"]
mod lanes;
#[path = "store/lost.rs"]
mod lost;
#[path = "store/opening.rs"]
mod opening;
#[path = "store/place.rs"]
mod place;
#[path = "store/steps.rs"]
mod steps;
#[path = "store/words.rs"]
mod words;

/// Makes two tests of each story, one a backend.
macro_rules! stories {
    ($($module:ident::$story:ident),+ $(,)?) => {
        mod sqlite {
            $(#[test] fn $story() { crate::place::on_sqlite(crate::$module::$story); })+
        }
        mod postgres {
            $(#[test] fn $story() { crate::place::on_postgres(stringify!($story), crate::$module::$story); })+
        }
    };
}

stories! {
    commits::what_is_committed_is_read_back,
    commits::an_offset_moves_without_a_chunk,
    commits::a_second_claim_fences_the_first,
    commits::another_offset_fences,
    commits::lanes_have_offsets_of_their_own,
    commits::a_commit_that_can_never_be_right_is_refused,
    commits::a_row_locked_by_another_fails_the_commit_and_leaves_nothing,
    commits::a_big_commit_is_one_transaction,
    commits::chunks_come_in_order,
    steps::killed_between_any_two_steps_a_commit_is_all_or_nothing,
    steps::killed_between_any_two_steps_a_fold_changes_nothing_that_is_read,
    lanes::a_join_makes_a_lane_part_of_live_and_its_book_the_active_one,
    lanes::a_join_is_refused_where_anything_has_moved,
    lanes::lanes_that_are_over_are_dropped_with_what_they_hold,
    lanes::the_book_that_was_activated_last_is_active_whatever_the_clock_says,
    lost::a_call_dropped_at_any_point_is_all_or_nothing,
    lost::an_answer_lost_after_commit_is_settled_by_a_claim,
    lost::a_commit_that_never_arrived_is_settled_by_a_claim,
    lost::a_claim_in_between_is_told,
    lost::connections_that_died_between_commits_are_replaced,
    folds::however_many_commits_the_chunks_stay_few_and_say_the_same,
    folds::folded_chunks_stay_an_hour_unread_and_are_deleted,
    folds::a_fold_cut_off_at_any_point_is_all_or_nothing,
    folds::a_chunk_in_several_parts_is_written_beforehand_and_read_only_when_it_is_whole,
    folds::what_cannot_be_folded_stays_and_is_said,
    folds::what_lies_below_the_floor_is_left_out,
    words::a_dead_letter_is_stored_once,
    words::dead_letters_of_a_reason_are_capped,
    words::a_measured_baseline_is_frozen_once,
    words::check_ins_are_kept_in_their_order,
    words::a_book_is_recorded_once,
    opening::a_second_consumer_is_refused_until_the_first_lets_go,
    opening::a_killed_consumer_frees_the_store,
    opening::a_reader_opens_while_the_consumer_runs,
    opening::a_reader_creates_and_migrates_nothing,
    opening::a_schema_from_the_future_is_refused,
    opening::a_changed_migration_is_refused,
    opening::what_cannot_be_opened_says_why_in_one_sentence,
    opening::no_password_is_ever_shown,
    bi::what_was_known_first_stays_and_what_is_known_now_moves,
    bi::writing_the_same_again_changes_nothing,
    bi::a_change_in_the_book_makes_a_version,
    bi::the_running_day_is_replaced_until_its_fact_comes,
    bi::a_plain_client_reads_the_view,
    bi::every_column_has_a_comment,
    bi::a_book_becomes_dimensions,
}

/// Not a story: the process that `a_killed_consumer_frees_the_store` starts and kills.
#[test]
fn hold_the_store_until_killed() {
    opening::hold_if_asked();
}
