# A stand-in for the official rust image: a linker, and the toolchain of the machine that makes it.
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
RUN apt-get update -qq \
 && apt-get install -qq -y --no-install-recommends gcc libc6-dev >/dev/null \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
COPY certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY bin/cargo bin/rustc /usr/local/bin/
COPY lib /usr/local/lib
ENV CARGO_HOME=/usr/local/cargo
CMD ["bash"]
