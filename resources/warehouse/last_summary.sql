-- The rows of `summary` that are of the newest comparison; one simulated beside another is not looked at. Its columns have the comments of those of `summary`.
CREATE VIEW last_summary AS
SELECT * FROM summary
WHERE comparison_id = (
    SELECT comparison_id FROM comparisons
    WHERE beside IS NULL OR beside NOT IN (SELECT comparison_id FROM comparisons)
    ORDER BY finished_at DESC, comparison_id DESC
    LIMIT 1
);
COMMENT ON VIEW last_summary IS 'The rows of summary that are of the newest comparison.';
