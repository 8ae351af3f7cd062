# The service in a container. It is made of Debian and a Python package index, and needs neither to run.
#
#   docker build -t kaoiro .
#   docker run --init -e KAOIRO_KEYS=CHOOSE-A-LONG-KEY -p 127.0.0.1:8000:8000 -v kaoiro:/data kaoiro
#
# Options of `kaoiro serve` follow the name of the image. docs/how-to/serve-behind-nginx.md says more.

FROM debian:trixie-slim AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY . .
# The detector and the demo's photograph come out of build requirements (hatch_build.py); neither these nor pip are kept.
RUN python3 -m venv /opt/kaoiro \
    && /opt/kaoiro/bin/pip install --no-cache-dir ".[serve]" \
    && /opt/kaoiro/bin/pip uninstall --yes pip

FROM debian:trixie-slim
# ca-certificates: to fetch pictures over HTTPS from the hosts that --allow-urls names
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 10001 kaoiro \
    && useradd --system --uid 10001 --gid kaoiro --no-create-home --home-dir /data kaoiro \
    && install --directory --owner kaoiro --group kaoiro --mode 700 /data
COPY --from=build /opt/kaoiro /opt/kaoiro
ENV PATH=/opt/kaoiro/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# The address of a proxy before the container is not known here; X-Forwarded-Proto only shapes what its client is told
ENV FORWARDED_ALLOW_IPS=*
USER 10001:10001
VOLUME /data
EXPOSE 8000
# http.client asks directly, whatever proxies the environment names
HEALTHCHECK --start-period=30s --interval=30s --timeout=5s CMD ["python3", "-c", "from http.client import HTTPConnection as C; c = C('127.0.0.1', 8000, timeout=4); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]
# 0.0.0.0 is the container's own address; the service refuses to start on it without a key
ENTRYPOINT ["kaoiro", "serve", "--host", "0.0.0.0", "--data", "/data"]
