# The site in a container: web server or worker. docs/deployment.md says how to run it.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /opt/microblog
COPY requirements.txt ./
RUN /opt/microblog/bin/pip install --no-cache-dir --require-hashes --no-deps -r requirements.txt
COPY setup.cfg pyproject.toml README.md LICENSE ./
COPY microblog microblog
COPY templates templates
RUN /opt/microblog/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /var/lib/microblog --create-home --shell /usr/sbin/nologin microblog
COPY --from=build /opt/microblog /opt/microblog
COPY production.ini /etc/microblog/production.ini
ENV PATH=/opt/microblog/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    DATA_DIR=/var/lib/microblog \
    MICROBLOG_HTTP_HOST=0.0.0.0
USER 10001
WORKDIR /var/lib/microblog
VOLUME /var/lib/microblog
EXPOSE 6543
HEALTHCHECK --interval=10s --timeout=4s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:6543/__lbheartbeat__', timeout=3)"]
CMD ["pserve", "/etc/microblog/production.ini"]
