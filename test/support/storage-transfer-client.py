"""Drives Storage Transfer with Google's own client: jobs, operations, and what is refused."""
import json
import sys
import time

from googleapiclient.discovery import build
from googleapiclient.errors import HttpError
from google.auth.credentials import AnonymousCredentials

about = json.loads(sys.argv[1])
project = about["project"]
api = build(
    "storagetransfer",
    "v1",
    credentials=AnonymousCredentials(),
    client_options={"api_endpoint": about["api"]},
    cache_discovery=False,
    static_discovery=True,
)
done = []


def job(name, path, **spec):
    body = {
        "name": f"transferJobs/{name}",
        "projectId": project,
        "status": "ENABLED",
        "transferSpec": {
            "gcsDataSource": {"bucketName": about["source"]},
            "gcsDataSink": {"bucketName": about["sink"], "path": path},
            **spec,
        },
    }
    return api.transferJobs().create(body=body).execute()


def run(name):
    return api.transferJobs().run(jobName=f"transferJobs/{name}", body={"projectId": project}).execute()


def wait(operation):
    while not operation.get("done"):
        time.sleep(0.05)
        operation = api.transferOperations().get(name=operation["name"]).execute()
    return operation


def refused(status, call):
    try:
        call()
    except HttpError as error:
        assert error.resp.status == status, error
        return
    raise SystemExit(f"not refused with {status}")


account = api.googleServiceAccounts().get(projectId=project).execute()
assert account["accountEmail"].endswith("gserviceaccount.com"), account

job("all", "all/")
first = run("all")
refused(400, lambda: run("all"))
assert wait(first)["metadata"]["status"] == "SUCCESS"
assert wait(first)["metadata"]["counters"]["objectsCopiedToSink"] == "3", first
done.append("all")

again = wait(run("all"))["metadata"]["counters"]
assert again == {"objectsFromSourceSkippedBySync": "3", "bytesFromSourceSkippedBySync": "3"}, again
done.append("nothing twice")

refused(409, lambda: job("all", "other/"))
api.transferJobs().delete(jobName="transferJobs/all", projectId=project).execute()
refused(409, lambda: job("all", "other/"))
refused(400, lambda: run("all"))
done.append("names")

job("some", "some/", objectConditions={"includePrefixes": ["a", "b"], "excludePrefixes": ["b"]})
assert wait(run("some"))["metadata"]["counters"]["objectsCopiedToSink"] == "1"
assert api.transferJobs().get(jobName="transferJobs/some", projectId=project).execute()["latestOperationName"]
done.append("prefixes")

job("listed", "listed/", transferManifest={"location": f"gs://{about['sink']}/list.csv"})
listed = wait(run("listed"))["metadata"]
assert (listed["status"], listed["errorBreakdowns"][0]["errorCode"]) == ("FAILED", "NOT_FOUND"), listed
assert listed["counters"]["objectsCopiedToSink"] == "1", listed
done.append("list")

body = {"projectId": project, "transferJob": {"status": "DISABLED"}, "updateTransferJobFieldMask": "status"}
assert api.transferJobs().patch(jobName="transferJobs/listed", body=body).execute()["status"] == "DISABLED"
filter_ = json.dumps({"projectId": project, "jobNames": ["transferJobs/all"]})
assert len(api.transferOperations().list(name="transferOperations", filter=filter_).execute()["operations"]) == 2
done.append("patch and list")
print(json.dumps(done))
