"""What the integrations of every web framework share: the policy for requests, and the errors of OCI."""

from layercache.web.oci import OCIError, as_oci_error, to_oci_error
from layercache.web.policy import REQUEST_ID, TRACEPARENT, ClientDisconnectedError, RequestPolicy

__all__ = [
    "REQUEST_ID",
    "TRACEPARENT",
    "ClientDisconnectedError",
    "OCIError",
    "RequestPolicy",
    "as_oci_error",
    "to_oci_error",
]
