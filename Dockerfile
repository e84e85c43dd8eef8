# Otklik as one static file in an otherwise empty image.
#
#   docker build --build-arg VERSION=$(git describe --tags --always) -t otklik .
#   docker run --rm -p 127.0.0.1:8080:8080 otklik demo

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
# timetzdata: the image has no zones of its own, and every time here has one.
RUN CGO_ENABLED=0 go build -trimpath -tags timetzdata \
    -ldflags "-s -w -X main.version=${VERSION}" -o /out/otklik ./cmd/otklik
RUN install -d -m 0750 /out/data && install -d -m 1777 /out/tmp

FROM busybox:1.37-musl AS busybox

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build --chown=65532:65532 /out/data /data
COPY --from=build /out/tmp /tmp
COPY --from=build /out/otklik /otklik
# Only for the health check: busybox acts as the name it is called by.
COPY --from=busybox /bin/busybox /bin/wget
USER 65532:65532
WORKDIR /
ENV OTKLIK_LISTEN=0.0.0.0:8080 \
    OTKLIK_DATABASE_URL=sqlite:/data/otklik.db \
    OTKLIK_LOG=json
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["/bin/wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/healthz"]
ENTRYPOINT ["/otklik"]
CMD ["serve"]
