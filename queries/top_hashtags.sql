-- question: Which hashtags are used most, and since when?
--
-- param: top int = 20  -- how many hashtags
--
-- column: hashtag      the hashtag
-- column: mentions     how often it is used
-- column: documents    how many documents use it
-- column: sources      how many sources use it
-- column: first_seen   the time of the first document that uses it, NULL where none has a time
-- column: last_seen    the time of the last one

WITH by_document AS (
    SELECT value, doc_id, source, count(*) AS mentions, min(ts) AS ts
    FROM entities
    WHERE label = 'HASHTAG'
    GROUP BY value, doc_id, source
),
-- A set of sources for each hashtag would take much memory; groups take little.
by_source AS (
    SELECT
        value,
        source,
        sum(mentions) AS mentions,
        count(*) AS documents,
        min(ts) AS first_seen,
        max(ts) AS last_seen
    FROM by_document
    GROUP BY value, source
)
SELECT
    value AS hashtag,
    sum(mentions) AS mentions,
    sum(documents) AS documents,
    count(*) AS sources,
    min(first_seen) AS first_seen,
    max(last_seen) AS last_seen
FROM by_source
GROUP BY value
ORDER BY mentions DESC, hashtag
LIMIT $top
