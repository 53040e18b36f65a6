# A stand-in for the official redis image, from Debian's package: same user, same folder, same command.
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
RUN groupadd --system --gid 999 redis \
 && useradd --system --uid 999 --gid redis --home-dir /data --no-create-home redis \
 && apt-get update -qq \
 && apt-get install -qq -y --no-install-recommends redis-server >/dev/null \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /etc/redis \
 && install -d -o redis -g redis /data
VOLUME /data
WORKDIR /data
EXPOSE 6379
USER redis
# The official image also drops Redis' protected mode; here whoever starts it says so: --protected-mode no.
CMD ["redis-server"]
