# What is in the image of the lab? Both services and the tool, and the base they stand on; nothing of what
# built them, no shell script, no secret. Builds with BuildKit and with the classic builder.
#
#   docker build --tag amnesia:dev .                      builds inside: needs nothing but the engine
#   docker build --tag amnesia:dev --target outside .     takes what `make images BUILD=outside` has built
ARG RUST_IMAGE=rust:1.95-slim-bookworm
ARG BASE_IMAGE=debian:bookworm-slim

# ---- What both ways have in common.
FROM ${BASE_IMAGE} AS base
ENV PATH=/opt/amnesia:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ENV LAB_LISTEN=0.0.0.0:8080
EXPOSE 8080
# Nobody: it needs no home, no name and no file of its own.
USER 10001:10001
# Either binary can ask; it asks whatever service runs in here. Exec form, here and in every command: no
# shell stands between the engine and the process, so SIGTERM arrives.
HEALTHCHECK --interval=2s --timeout=2s --retries=15 CMD ["stateful-svc", "health"]
CMD ["stateful-svc", "--help"]

# ---- Built outside. It stands before the other because the classic builder makes every stage on its way to
# the last, and where nothing was built outside, this one copies the lock file alone.
FROM base AS outside
COPY Cargo.lock target/image/* /opt/amnesia/

# ---- Built inside.
FROM ${RUST_IMAGE} AS build
WORKDIR /lab
ENV CARGO_PROFILE_RELEASE_STRIP=symbols CARGO_TERM_COLOR=never
# First everything that is not ours, with nothing of ours but the lists of it: this layer is made anew only
# when a dependency changes.
COPY Cargo.toml Cargo.lock ./
COPY shared/Cargo.toml shared/
COPY stateful-svc/Cargo.toml stateful-svc/
COPY stateless-svc/Cargo.toml stateless-svc/
COPY broken-svc/Cargo.toml broken-svc/
COPY chaos/Cargo.toml chaos/
RUN for crate in shared stateful-svc stateless-svc broken-svc chaos; do \
      mkdir -p $crate/src && touch $crate/src/lib.rs && echo 'fn main() {}' >$crate/src/main.rs || exit 1; \
    done \
 && rm shared/src/main.rs stateful-svc/src/lib.rs stateless-svc/src/lib.rs broken-svc/src/lib.rs \
 && cargo build --release --locked --package stateful-svc --package stateless-svc --package chaos
# Then ours. Cargo goes by the time a file was written, and these were written before the empty ones.
COPY shared shared
COPY stateful-svc stateful-svc
COPY stateless-svc stateless-svc
COPY chaos chaos
COPY deploy deploy
COPY labs labs
COPY docker-compose.yml ./
RUN find shared stateful-svc stateless-svc chaos -type f -exec touch {} + \
 && cargo build --release --locked --package stateful-svc --package stateless-svc --package chaos

FROM base
# The lock file says what is inside.
COPY Cargo.lock /opt/amnesia/
COPY --from=build /lab/target/release/stateful-svc /lab/target/release/stateless-svc /lab/target/release/chaos /opt/amnesia/
