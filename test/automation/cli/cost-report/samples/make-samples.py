"""Writes cost-report.csv and cost-report.parquet: the same October as AWS delivers it in both formats (CUR 2.0).

pip install pyarrow; python make-samples.py FOLDER
"""

import csv
import datetime
import json
import sys

import pyarrow as pa
import pyarrow.parquet as pq

COLUMNS = {
    "identity_line_item_id": pa.string(),
    "line_item_line_item_type": pa.string(),
    "line_item_usage_start_date": pa.timestamp("ms"),
    "line_item_product_code": pa.string(),
    "line_item_usage_type": pa.string(),
    "line_item_operation": pa.string(),
    "line_item_unblended_cost": pa.float64(),
    "line_item_currency_code": pa.string(),
    "resource_tags": pa.map_(pa.string(), pa.string()),
}


def tags(tenant, environment="production"):
    return [("user_tenant", tenant), ("user_environment", environment), ("user_project", "millwright")]


def row(product, usage, cost, of=tags("shared"), kind="Usage", at="2026-10-05T13:00:00", operation="RunInstances"):
    return (kind, datetime.datetime.fromisoformat(at), product, usage, operation, cost, "USD", of)


def month():
    for day in range(1, 32):
        for hour in (0, 12):
            at = f"2026-10-{day:02d}T{hour:02d}:00:00"
            yield row("AmazonEC2", "BoxUsage:r7g.large", 0.1071, at=at)
            yield row("AmazonMSK", "USE1-Kafka.m7g.large", 0.612, at=at)
    yield row("AmazonEC2", "NatGateway-Hours", 33.48, operation="NatGateway")
    yield row("AmazonEC2", "EBS:VolumeUsage.gp3", 8.0, tags("acme"))
    yield row("AWSLambda", "Lambda-GB-Second-ARM", 1.25, tags("acme"), "SavingsPlanCoveredUsage")
    yield row("AmazonS3", "TimedStorage-ByteHrs", 3.0, [])
    yield row("AmazonEC2", "BoxUsage:r7g.large", 4.0, tags("shared", "staging"))
    yield row("AmazonEC2", "", 6.0, [], "Tax")
    yield row("AmazonEC2", "BoxUsage:r7g.large", 99.0, at="2026-11-01T00:00:00")


folder = sys.argv[1]
rows = [(f"id-{index}", *cells) for index, cells in enumerate(month())]
columns = [pa.array([cells[k] for cells in rows], type=kind) for k, kind in enumerate(COLUMNS.values())]
pq.write_table(
    pa.table(columns, names=list(COLUMNS)), f"{folder}/cost-report.parquet", compression="snappy", row_group_size=50
)
with open(f"{folder}/cost-report.csv", "w", newline="") as file:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for id_, kind, at, product, usage, operation, cost, currency, of in rows:
        start = at.isoformat() + ".000Z"
        writer.writerow([id_, kind, start, product, usage, operation, repr(cost), currency, json.dumps(dict(of))])
