"""Rewrites a Parquet file in another codec, row group by row group: rewrite.py IN OUT zstd|lz4|none whole|tenth"""

import sys

import pyarrow.parquet as pq

source, out, codec, rows = sys.argv[1:]
file = pq.ParquetFile(source)
left = file.metadata.num_rows // (10 if rows == "tenth" else 1)
with pq.ParquetWriter(
    out, file.schema_arrow, compression=codec, compression_level=3 if codec == "zstd" else None, use_dictionary=False
) as writer:
    for group in range(file.num_row_groups):
        table = file.read_row_group(group).slice(0, left)
        writer.write_table(table)
        left -= table.num_rows
        if left == 0:
            break
