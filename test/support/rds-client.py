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

rds.delete_db_snapshot(**snapshot)
rds.delete_db_cluster_snapshot(**cluster_snapshot)
refused("DBSnapshotNotFound", rds.describe_db_snapshots, **snapshot)
print(json.dumps({"done": done, "endpoint": endpoint}))
