"""The API server as these commands need it: plain JSON in and out, its refusals as our errors; it judges nothing.

The `kubernetes` client carries the calls: where the cluster is, who we are there, TLS. Its model classes stay
unused, as they print a Secret's values.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_box.errors import (
    BoxError,
    Changed,
    Denied,
    Exists,
    InvalidName,
    NotAuthorized,
    NotConfigured,
    NotFound,
    Unreachable,
)

from .names import label, subdomain

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

Json = dict[str, Any]
FIELD_MANAGER = "jupyter-box"
SINGLEUSER = "app.kubernetes.io/component=singleuser-server"
BROKER = "app.kubernetes.io/part-of=jupyter-box,app.kubernetes.io/component=broker"
HUB = "component=hub"
TIMEOUT = 30  # seconds: what `kubectl` users wait for a slow cluster before they give up
_IN_POD = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


@dataclass(frozen=True, slots=True)
class Cluster:
    """One namespace of a cluster.

    Attributes:
        api: The client, which knows where the API server is and who we are.
        namespace: The namespace that the commands work in.
    """

    api: ApiClient
    namespace: str

    @classmethod
    def connect(cls, context: str | None = None, namespace: str | None = None) -> Cluster:
        """Return the cluster of a kubeconfig's context, or the one whose pod we run in.

        Args:
            context: The context's name; the current one by default.
            namespace: The namespace; the context's own by default.

        Raises:
            NotConfigured: The `kubernetes` package is missing, or there is neither a kubeconfig nor a pod.
            InvalidName: No namespace can have that name.
        """
        try:
            from kubernetes import client, config
        except ImportError:
            raise NotConfigured(
                "The kubernetes package is not installed.", hint="pip install 'jupyter-box[kubernetes]'"
            ) from None
        try:
            api, own = config.new_client_from_config(context=context), _namespace_of(context)
        except config.ConfigException:
            if context or not _IN_POD.exists():
                raise _no_cluster(context) from None
            settings = client.Configuration()
            config.load_incluster_config(client_configuration=settings)
            api, own = client.ApiClient(settings), _IN_POD.read_text(encoding="utf-8").strip()
        return cls(api, label(namespace or own, what="namespace"))

    def version(self) -> str:
        """Return the API server's version, such as `v1.34.1`."""
        return str(self._call("GET", "/version", what="the cluster's version").get("gitVersion", "?"))

    def secret(self, name: str) -> Json | None:
        """Return a Secret as the API server gives it, its values in base64; None where there is none."""
        try:
            return self._call("GET", self._secret_path(name), what=f"Secret {name}")
        except NotFound:
            return None

    def apply_secret(self, name: str, values: Mapping[str, str], *, force: bool = False, dry_run: bool = False) -> None:
        """Make or change a Secret by server-side apply, so that what others put there stays.

        Args:
            name: The Secret's name.
            values: The values by key.
            force: Take over keys that another field manager, such as kubectl, has set.
            dry_run: Only let the API server say what it thinks of it.

        Raises:
            Exists: Another field manager has set the keys.
            BoxError: The API server refuses, or does not answer.
        """
        body = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "labels": {"app.kubernetes.io/part-of": "jupyter-box"}},
            "type": "Opaque",
            # server-side apply keeps no account of who owns the keys in stringData
            "data": {key: base64.b64encode(value.encode()).decode() for key, value in values.items()},
        }
        query = {"fieldManager": FIELD_MANAGER, "force": str(force).lower(), "fieldValidation": "Strict"}
        query |= {"dryRun": "All"} if dry_run else {}
        self._call(
            "PATCH",
            self._secret_path(name),
            query=query,
            body=body,
            content_type="application/apply-patch+yaml",
            what=f"Secret {name}",
        )

    def roll(self, deployment: Json, version: str) -> None:
        """Let a Deployment replace its pods one by one, by an annotation of its template."""
        meta = deployment["metadata"]
        patch = {"spec": {"template": {"metadata": {"annotations": {"jupyter-box/secret-version": version}}}}}
        self._call(
            "PATCH",
            f"/apis/apps/v1/namespaces/{meta['namespace']}/deployments/{meta['name']}",
            query={"fieldManager": FIELD_MANAGER},
            body=patch,
            content_type="application/strategic-merge-patch+json",
            what=f"Deployment {meta['name']}",
        )

    def deployments(self, selector: str, *, everywhere: bool = False) -> list[Json]:
        """Return the Deployments with these labels, in our namespace or in all."""
        return list(self._list("/apis/apps/v1", "deployments", selector, everywhere=everywhere))

    def daemon_sets(self) -> list[Json]:
        """Return the DaemonSets of the whole cluster."""
        return list(self._list("/apis/apps/v1", "daemonsets", "", everywhere=True))

    def pods(self, selector: str) -> list[Json]:
        """Return the pods with these labels in our namespace."""
        return list(self._list("/api/v1", "pods", selector))

    def services(self, selector: str) -> list[Json]:
        """Return the Services with these labels in our namespace."""
        return list(self._list("/api/v1", "services", selector))

    def network_policies(self, selector: str) -> list[Json]:
        """Return the NetworkPolicies with these labels in our namespace."""
        return list(self._list("/apis/networking.k8s.io/v1", "networkpolicies", selector))

    def may(self, verb: str, resource: str, *, group: str = "") -> bool:
        """Tell whether we may do something in our namespace, by a SelfSubjectAccessReview."""
        asked = {"namespace": self.namespace, "verb": verb, "resource": resource, "group": group}
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": asked},
        }
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        answer = self._call("POST", path, body=body, content_type="application/json", what="our permissions")
        return bool((answer.get("status") or {}).get("allowed"))

    def through(self, service: Json, path: str) -> tuple[int, bytes]:
        """Return the status and the body that a Service answers with, through the API server's proxy."""
        meta, port = service["metadata"], service["spec"]["ports"][0]
        scheme = "https:" if port.get("appProtocol") == "https" else ""
        base = f"/api/v1/namespaces/{meta['namespace']}/services/{scheme}{meta['name']}:{port['port']}/proxy"
        return self._send("GET", base + path)

    def _secret_path(self, name: str) -> str:
        return f"/api/v1/namespaces/{self.namespace}/secrets/{subdomain(name, what='Secret')}"

    def _list(self, api: str, resource: str, selector: str, *, everywhere: bool = False) -> Iterator[Json]:
        place = "" if everywhere else f"/namespaces/{self.namespace}"
        query = {"limit": "500"} | ({"labelSelector": selector} if selector else {})
        while True:
            page = self._call("GET", f"{api}{place}/{resource}", query=query, what=resource)
            yield from page.get("items") or ()
            token = (page.get("metadata") or {}).get("continue")
            if not token:
                return
            query = query | {"continue": token}

    def _call(
        self,
        method: str,
        path: str,
        *,
        what: str,
        query: Mapping[str, str] | None = None,
        body: Json | None = None,
        content_type: str | None = None,
    ) -> Json:
        status, answer = self._send(method, path, query=query, body=body, content_type=content_type)
        parsed = _json_object(answer)
        if status < 300 and parsed is not None:
            return parsed
        raise _refusal(status, parsed or {}, f"{method} {what} in namespace {self.namespace}", what)

    def _send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Json | None = None,
        content_type: str | None = None,
    ) -> tuple[int, bytes]:
        from urllib3.exceptions import HTTPError

        headers = {"Accept": "application/json"} | ({"Content-Type": content_type} if content_type else {})
        request = self.api.param_serialize(
            method,
            path,
            query_params=list((query or {}).items()),
            header_params=headers,
            body=body,
            auth_settings=["BearerToken"],
        )
        try:
            answer = self.api.call_api(*request, _request_timeout=TIMEOUT)
            return int(answer.status), answer.read()
        except (HTTPError, OSError) as error:
            reason = type(getattr(error, "reason", error)).__name__
            raise Unreachable(
                f"The cluster's API server at {self.api.configuration.host} does not answer ({reason}).",
                hint="Check the kubeconfig's context, the VPN and the cluster's endpoint access.",
            ) from None


def _no_cluster(context: str | None) -> BoxError:
    wanted = f"no context {context!r}" if context else "no kubeconfig"
    return NotConfigured(
        f"There is {wanted} to reach a cluster by.",
        hint="`aws eks update-kubeconfig --name CLUSTER` writes one; `kubectl config get-contexts` lists them.",
    )


def _namespace_of(context: str | None) -> str:
    from kubernetes import config

    contexts, active = config.list_kube_config_contexts()
    chosen = next((known for known in contexts if known["name"] == context), active)
    return str((chosen.get("context") or {}).get("namespace") or "default")


def _json_object(text: bytes) -> Json | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _refusal(status: int, answer: Json, act: str, what: str) -> BoxError:
    """Return our error for the API server's; its own message stays unsaid, as it may repeat a Secret's value."""
    reason = str(answer.get("reason") or f"HTTP {status}")
    if status == 401:
        return NotAuthorized("The cluster does not know us.", hint="Sign in again: aws sso login, or the like.")
    if status == 403:
        return Denied(f"The cluster does not allow {act}.", hint="Ask its administrator for a Role that does.")
    if status == 404:
        return NotFound(f"There is no {what} there ({act}).", hint="Check --namespace and --context.")
    if status == 409:
        return _conflict(_managers(answer), what)
    if status in (400, 422):
        return InvalidName(f"The cluster refuses {act} ({reason}).", hint=_immutable(answer))
    return Unreachable(f"The cluster answered {act} with {reason}.", hint="Try again; then ask its administrator.")


def _conflict(managers: str, what: str) -> BoxError:
    if managers:
        return Exists(f"The keys of {what} were set by {managers}.", hint="Say --force-conflicts to take them over.")
    return Changed(f"Somebody else changed {what} meanwhile.", hint="Try again.")


def _managers(answer: Json) -> str:
    """Return who owns the fields in conflict, out of messages such as `conflict with "kubectl-create" using v1`."""
    causes = (answer.get("details") or {}).get("causes") or []
    conflicts = [str(cause.get("message")) for cause in causes if cause.get("reason") == "FieldManagerConflict"]
    return ", ".join(sorted({message.split('"')[1] if '"' in message else "another tool" for message in conflicts}))


def _immutable(answer: Json) -> str:
    if "immutable" in str(answer.get("message", "")):
        return "The Secret is immutable: delete it, or give another --name."
    return "Check its name and keys."
