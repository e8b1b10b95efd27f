WITH counted AS (
    -- Of each label: how often it is found, how many values it has, and the twenty most frequent ones.
    SELECT label, CASE label WHEN 'email' THEN lower(value) ELSE value END AS value, count(*) AS n
    FROM entities
    WHERE label IN ({labels})
    GROUP BY 1, 2
)
SELECT label, value, n, total, distinct_values
FROM (
    SELECT
        *,
        row_number() OVER (PARTITION BY label ORDER BY n DESC, value) AS rank,
        sum(n) OVER (PARTITION BY label) AS total,
        count(*) OVER (PARTITION BY label) AS distinct_values
    FROM counted
)
WHERE rank <= 20
ORDER BY label, rank
