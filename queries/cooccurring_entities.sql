-- question: Which entities are named together, in the same documents?
--
-- param: min_documents int = 2       -- pairs in fewer documents are left out
-- param: max_per_document int = 100  -- documents that name more different entities are left out (lists, not texts)
-- param: top int = 50                -- how many pairs
--
-- column: label        the label of one entity (dates and times are no partners)
-- column: value        its value
-- column: with_label   the label of the other
-- column: with_value   its value
-- column: documents    how many documents name both

-- Grouped once, and the list of each document unnested twice, so that what is joined is small.
WITH named AS (
    SELECT doc_id, concat(label, ' ', value) AS entity
    FROM entities
    WHERE label NOT IN ('DATE', 'TIME')
    GROUP BY 1, 2
),
by_document AS (
    SELECT array_agg(entity) AS partners
    FROM named
    GROUP BY doc_id
    HAVING count(*) BETWEEN 2 AND $max_per_document
),
firsts AS (
    SELECT unnest(partners) AS one, partners FROM by_document
),
pairs AS (
    SELECT one, unnest(partners) AS other FROM firsts
),
counted AS (
    SELECT one, other, count(*) AS documents
    FROM pairs
    WHERE one < other
    GROUP BY one, other
    HAVING count(*) >= $min_documents
)
-- A label has no space, so the first one ends it.
SELECT
    split_part(one, ' ', 1) AS label,
    substr(one, strpos(one, ' ') + 1) AS value,
    split_part(other, ' ', 1) AS with_label,
    substr(other, strpos(other, ' ') + 1) AS with_value,
    documents
FROM counted
ORDER BY documents DESC, label, value, with_label, with_value
LIMIT $top
