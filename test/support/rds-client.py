"""Drives the API of RDS with AWS's own client: snapshots, restores and deletions by its waiters, and what is refused."""
import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

about = json.loads(sys.argv[1])
rds = boto3.client(
    "rds",
    endpoint_url=about["api"],
    region_name=about["region"],
    aws_access_key_id="AKIATEST",
    aws_secret_access_key="secret",
    config=Config(retries={"max_attempts": 1}),
)
patience = {"Delay": 1, "MaxAttempts": 60}
tags = [{"Key": "by", "Value": "AWS's own client".replace("'", " ")}]
done = []


def wait(name, **what):
    rds.get_waiter(name).wait(WaiterConfig=patience, **what)
    done.append(name)


def refused(code, call, **what):
    try:
        call(**what)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        done.append(code)
        return
    raise SystemExit(f"{code} was not raised")


snapshot = {"DBSnapshotIdentifier": "by-python"}
made = rds.create_db_snapshot(DBInstanceIdentifier="main", Tags=tags, **snapshot)["DBSnapshot"]
assert made["Status"] == "creating", made
refused("DBSnapshotAlreadyExists", rds.create_db_snapshot, DBInstanceIdentifier="main", **snapshot)
refused("InvalidDBInstanceState", rds.create_db_snapshot, DBInstanceIdentifier="main", DBSnapshotIdentifier="two")
refused("InvalidDBSnapshotState", rds.delete_db_snapshot, **snapshot)
wait("db_snapshot_completed", **snapshot)
found = rds.describe_db_snapshots(**snapshot)["DBSnapshots"][0]
assert found["PercentProgress"] == 100 and found["TagList"] == tags, found
refused("DBInstanceNotFound", rds.create_db_snapshot, DBInstanceIdentifier="none", DBSnapshotIdentifier="three")

copy = {"DBInstanceIdentifier": "copy"}
rds.restore_db_instance_from_db_snapshot(PubliclyAccessible=False, Tags=tags, **copy, **snapshot)
refused("DBInstanceAlreadyExists", rds.restore_db_instance_from_db_snapshot, **copy, **snapshot)
refused("InvalidDBInstanceState", rds.delete_db_instance, SkipFinalSnapshot=True, **copy)
wait("db_instance_available", **copy)
listed = [each["DBInstanceIdentifier"] for page in rds.get_paginator("describe_db_instances").paginate() for each in page["DBInstances"]]
assert listed == ["main", "aurora-writer", "copy"], listed
endpoint = rds.describe_db_instances(**copy)["DBInstances"][0]["Endpoint"]
refused("InvalidParameterCombination", rds.delete_db_instance, **copy)
rds.delete_db_instance(SkipFinalSnapshot=True, **copy)
wait("db_instance_deleted", **copy)

cluster = {"DBClusterIdentifier": "aurora-copy"}
cluster_snapshot = {"DBClusterSnapshotIdentifier": "by-python"}
rds.create_db_cluster_snapshot(DBClusterIdentifier="aurora", **cluster_snapshot)
wait("db_cluster_snapshot_available", **cluster_snapshot)
rds.restore_db_cluster_from_snapshot(SnapshotIdentifier="by-python", Engine="aurora-postgresql", **cluster)
wait("db_cluster_available", **cluster)
member = {"DBInstanceIdentifier": "aurora-copy-1"}
rds.create_db_instance(DBInstanceClass="db.r6g.large", Engine="aurora-postgresql", **cluster, **member)
wait("db_instance_available", **member)
refused("InvalidDBClusterStateFault", rds.delete_db_cluster, SkipFinalSnapshot=True, **cluster)
rds.delete_db_instance(SkipFinalSnapshot=True, **member)
rds.delete_db_cluster(SkipFinalSnapshot=True, **cluster)
wait("db_cluster_deleted", **cluster)

abroad = boto3.client(
    "rds",
    endpoint_url=about["abroad"]["api"],
    region_name=about["abroad"]["region"],
    aws_access_key_id="AKIATEST",
    aws_secret_access_key="secret",
    config=Config(retries={"max_attempts": 1}),
)
key = {"KmsKeyId": "alias/abroad"}
for kind, where, of, id_field in (
    ("db_snapshot", rds.describe_db_snapshots(**snapshot)["DBSnapshots"][0], "DBSnapshot", "DBSnapshotIdentifier"),
    (
        "db_cluster_snapshot",
        rds.describe_db_cluster_snapshots(**cluster_snapshot)["DBClusterSnapshots"][0],
        "DBClusterSnapshot",
        "DBClusterSnapshotIdentifier",
    ),
):
    arn = where[f"{of}Arn"]
    call = getattr(abroad, f"copy_{kind}")
    wish = {f"Target{id_field}": "abroad", "SourceRegion": about["region"], "Tags": tags}
    refused("DBSnapshotNotFound" if of == "DBSnapshot" else "DBClusterSnapshotNotFoundFault", call, **{f"Source{id_field}": f"{arn}-not"}, **wish)
    wish[f"Source{id_field}"] = arn
    refused("InvalidParameterCombination", call, **wish)
    made = call(**wish, **key)[of]
    assert made["Status"] == "copying" and made["KmsKeyId"] == key["KmsKeyId"] and made["TagList"] == tags, made
    assert arn in (made.get("SourceDBSnapshotIdentifier"), made.get("SourceDBClusterSnapshotArn")), made
    refused("DBSnapshotAlreadyExists" if of == "DBSnapshot" else "DBClusterSnapshotAlreadyExistsFault", call, **wish, **key)
    waiter = "db_snapshot_completed" if of == "DBSnapshot" else "db_cluster_snapshot_available"
    abroad.get_waiter(waiter).wait(WaiterConfig=patience, **{id_field: "abroad"})
    done.append(waiter)
    getattr(abroad, f"delete_{kind}")(**{id_field: "abroad"})

rds.delete_db_snapshot(**snapshot)
rds.delete_db_cluster_snapshot(**cluster_snapshot)
refused("DBSnapshotNotFound", rds.describe_db_snapshots, **snapshot)
print(json.dumps({"done": done, "endpoint": endpoint}))
