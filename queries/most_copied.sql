-- question: Which texts were copied most, as they are or with changes?
--
-- param: top int = 20  -- how many texts
--
-- column: original     the first document with the text
-- column: copies       how many later ones have it, as it is or with changes
-- column: exact        how many of these have it as it is
-- column: sources      in how many sources it stands
-- column: first_seen   when it was first written
-- column: last_seen    when it was last copied
-- column: beginning    the original's first 80 characters

WITH most AS (
    SELECT
        cluster_id,
        count(*) - 1 AS copies,
        count(*) FILTER (WHERE duplicate_of = cluster_id) AS exact,
        count(DISTINCT source) AS sources,
        min(ts) AS first_seen,
        max(ts) AS last_seen
    FROM duplicates
    GROUP BY cluster_id
    ORDER BY copies DESC, cluster_id
    LIMIT $top
)
SELECT
    -- documents may have columns of these names, too
    most.cluster_id AS original,
    most.copies,
    most.exact,
    most.sources,
    most.first_seen,
    most.last_seen,
    substr(documents.text, 1, 80) AS beginning
FROM most
JOIN documents ON documents.doc_id = most.cluster_id
ORDER BY most.copies DESC, original
