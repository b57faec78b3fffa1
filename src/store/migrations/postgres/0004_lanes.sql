-- Which book scores: the one that was activated last. A store from before this knew only when each was used last.
ALTER TABLE book_revision ADD COLUMN activated_at BIGINT;
UPDATE book_revision SET activated_at = last_at;
