# docker build -t tollgate .
# docker run --rm -p 3000:3000 -e TOLLGATE_KEY=sk-choose-one -e TOLLGATE_ADMIN_SECRET=choose-a-long-one -e OPENAI_API_KEY tollgate

# The build image brings the C compiler that aws-lc-sys and jemalloc need, but not make; CMake is not needed.
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends make \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bin tollgate

FROM debian:bookworm-slim
# Without certificates of the system Tollgate takes Mozilla's, compiled in; these are the ones that updates reach.
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /src/target/release/tollgate /usr/local/bin/tollgate
COPY config/tollgate.toml /etc/tollgate/tollgate.toml
# Listening on every address is refused without a key (set TOLLGATE_KEY, or mount a file with [[auth.keys]]) and without
# a secret of the admin door (set TOLLGATE_ADMIN_SECRET).
ENV TOLLGATE_CONFIG=/etc/tollgate/tollgate.toml \
    TOLLGATE__SERVER__LISTEN=0.0.0.0:3000 \
    TOLLGATE__SERVER__ADMIN_LISTEN=0.0.0.0:3001
USER 65532:65532
EXPOSE 3000 3001
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s --retries=3 CMD ["tollgate", "healthcheck"]
ENTRYPOINT ["tollgate"]
CMD ["serve"]
