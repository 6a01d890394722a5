"""Drives the Admin API with Google's own client: a backup, an export, an import, restores, instances, and what is refused."""
import json
import sys
import time

from googleapiclient.discovery import build
from googleapiclient.errors import HttpError
from google.auth.credentials import AnonymousCredentials

about = json.loads(sys.argv[1])
project, instance = about["project"], about["instance"]
api = build(
    "sqladmin",
    "v1",
    credentials=AnonymousCredentials(),
    client_options={"api_endpoint": about["api"]},
    cache_discovery=False,
    static_discovery=True,
)
done = []


def wait(operation):
    while operation["status"] != "DONE":
        time.sleep(0.05)
        operation = api.operations().get(project=project, operation=operation["name"]).execute()
    return operation


def finish(name, operation):
    operation = wait(operation)
    if "error" in operation:
        raise SystemExit(f"{name}: {operation['error']}")
    done.append(name)
    return operation


def export(database, uri):
    context = {"fileType": "SQL", "uri": uri, "databases": [database], "offload": False}
    body = {"exportContext": context}
    return api.instances().export(project=project, instance=instance, body=body).execute()


found = api.instances().get(project=project, instance=instance).execute()
assert found["state"] == "RUNNABLE", found

body = {"instance": instance, "description": "by Google's own client", "ttlDays": "2"}
backup = finish("backup", api.Backups().CreateBackup(parent=f"projects/{project}", body=body).execute())
name = backup["backupContext"]["name"]
assert api.Backups().GetBackup(name=name).execute()["state"] == "SUCCESSFUL"
listed = api.Backups().ListBackups(parent=f"projects/{project}", filter=f"instance:{instance}").execute()
assert [each["name"] for each in listed["backups"]] == [name], listed

uri = f"gs://{about['bucket']}/by-python.sql.gz"
finish("export", export("shop", uri))
refused = wait(export("shop", uri))
assert "already exists" in refused["error"]["errors"][0]["message"], refused
done.append("refused export")

first = export("shop", f"gs://{about['bucket']}/second.sql.gz")
try:
    export("shop", f"gs://{about['bucket']}/third.sql.gz")
    raise SystemExit("two at once")
except HttpError as error:
    assert error.resp.status == 409 and "operationInProgress" in str(error.error_details), error.error_details
    done.append("conflict")
finish("second export", first)

context = {"fileType": "SQL", "uri": uri, "database": "copy"}
imported = api.instances().import_(project=project, instance=instance, body={"importContext": context}).execute()
finish("import", imported)

finish("restore", api.instances().restoreBackup(project=project, instance=instance, body={"backup": name}).execute())


def refused(status, reason, request):
    try:
        request.execute()
        raise SystemExit(f"{reason}: not refused")
    except HttpError as error:
        assert error.resp.status == status and reason in str(error.error_details), error.error_details


def insert(new, gigabytes):
    settings = {"tier": found["settings"]["tier"], "dataDiskSizeGb": gigabytes, "userLabels": {"by": "python"}}
    body = {"name": new, "region": found["region"], "databaseVersion": found["databaseVersion"], "settings": settings}
    return api.instances().insert(project=project, body=body)


def into(new):
    return api.instances().restoreBackup(project=project, instance=new, body={"backup": name})


made = insert("made", found["settings"]["dataDiskSizeGb"]).execute()
assert made["operationType"] == "CREATE", made
refused(409, "instanceAlreadyExists", insert("made", "100"))
refused(409, "operationInProgress", into("made"))
finish("instance", made)
there = api.instances().get(project=project, instance="made").execute()
assert there["state"] == "RUNNABLE" and there["settings"]["userLabels"] == {"by": "python"}, there
finish("restore into it", into("made").execute())
finish("small instance", insert("small", "10").execute())
refused(400, "invalid", into("small"))
finish("its end", api.instances().delete(project=project, instance="small").execute())
refused(404, "instanceDoesNotExist", api.instances().get(project=project, instance="small"))
refused(409, "instanceAlreadyExists", insert("small", "10"))
finish("deletion", api.Backups().DeleteBackup(name=name).execute())
addresses = {each["type"]: each["ipAddress"] for each in there["ipAddresses"]}
print(json.dumps({"done": done, "host": addresses["PRIVATE"]}))
