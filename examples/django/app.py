"""Django behind PgBouncer: a middleware puts each request into a transaction in its organization."""

import os
from concurrent.futures import ThreadPoolExecutor

import django
from django.conf import settings
from django.db import DatabaseError, connection, models, transaction
from django.http import JsonResponse
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=[f"{__name__}.OrganizationMiddleware"],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            # Where to connect is in PGHOST, PGPORT, PGDATABASE, PGUSER and PGPASSWORD.
            "NAME": os.environ["PGDATABASE"],
            # A view that fails leaves nothing behind: it has a savepoint in the middleware's transaction.
            "ATOMIC_REQUESTS": True,
            # Cursors and prepared statements belong to the server connection, which is another one in the
            # next transaction. Django prepares nothing unless told to, with prepare_threshold.
            "DISABLE_SERVER_SIDE_CURSORS": True,
        }
    },
)
django.setup()


class OrganizationMiddleware:
    """Goes after what finds out who asks; here that is a header, which a proxy of ours would set."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        with transaction.atomic():
            if org := request.headers.get("X-Organization"):
                with connection.cursor() as cursor:
                    cursor.execute("SELECT org_scope.set_current_org(%s, is_local => true)", [org])
            return self.get_response(request)

    def process_exception(self, _request, exception):
        """OS001: nobody said for whom. That is a mistake in the application, and the log must have it."""
        if isinstance(exception, DatabaseError):
            return JsonResponse({"refused": exception.__cause__.sqlstate}, status=500)


class Invoice(models.Model):
    customer = models.TextField()

    class Meta:
        app_label = "shop"
        db_table = "invoices"
        managed = False


def invoices(request):
    if request.method == "POST":
        Invoice.objects.create(customer=request.POST["customer"])
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        server = cursor.fetchone()[0]
    customers = Invoice.objects.filter(id__gt=0).order_by("id").values_list("customer", flat=True).iterator()
    return JsonResponse({"customers": list(customers), "server": server})


def statement(request):
    """What injected SQL could do."""
    with connection.cursor() as cursor:
        cursor.execute(request.POST["sql"])
    return JsonResponse({})


urlpatterns = [path("invoices", invoices), path("statement", statement)]

if __name__ == "__main__":
    from django.test import Client

    def get(org):
        return Client().get("/invoices", headers={"X-Organization": org}).json()

    def refusal(sql, org=""):
        return Client().post("/statement", {"sql": sql}, headers={"X-Organization": org}).json().get("refused")

    Client().post("/invoices", {"customer": "Alan"}, headers={"X-Organization": "org_a"})
    own = {org: get(org)["customers"] for org in ["org_a", "org_b"]}
    for org, names in own.items():
        print(f"{org}:", *names)

    requests = ["org_a", "org_b"] * 100
    with ThreadPoolExecutor(8) as threads:
        answers = list(zip(requests, threads.map(get, requests)))
    servers = {org: {answer["server"] for asked, answer in answers if asked == org} for org in own}
    print("own rows only:", all(answer["customers"] == own[org] for org, answer in answers))
    print("on the same connections:", not servers["org_a"].isdisjoint(servers["org_b"]))

    print("no organization:", refusal("SELECT customer FROM invoices"))
    print("a row for another:", refusal("INSERT INTO invoices (org_id, customer) VALUES ('org_b', 'Eve')", "org_a"))
    print("another in mid-transaction:", refusal("SELECT org_scope.set_current_org('org_b', is_local => true)", "org_a"))
    print("one for the session:", refusal("SELECT org_scope.set_current_org('org_a')"))
