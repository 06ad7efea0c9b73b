# The control plane on AWS, as docs/deploy-aws.md builds and runs it: service and handler host, Pulumi with its plugins,
# the policy pack and the functions' code. Its settings come from the task; it keeps nothing on its own disk.

FROM node:24-trixie-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci
COPY . .
RUN npm run build && npm prune --omit=dev

FROM node:24-trixie-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/*
# Who signs the certificates of RDS: no system trusts them by itself.
ADD --chmod=444 https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem /etc/ssl/rds.pem
ENV NODE_ENV=production \
    NODE_EXTRA_CA_CERTS=/etc/ssl/rds.pem \
    MILLWRIGHT_HOME=/var/lib/millwright \
    XDG_CACHE_HOME=/var/cache/millwright
WORKDIR /app
COPY --from=build /app /app
RUN install -d -o node -g node -m 700 "$MILLWRIGHT_HOME" "$XDG_CACHE_HOME"
USER node
# Pulumi and its plugins, of the versions of their SDKs. The passphrase that a new home gets belongs in no image.
RUN npm run pulumi -- version \
 && for plugin in aws awsx; do \
      npm run pulumi -- plugin install resource $plugin "$(node -p "require('@pulumi/$plugin/package.json').version.replace(/^v/, '')")" || exit 1; \
    done \
 && rm -r "$MILLWRIGHT_HOME/secrets"
EXPOSE 8080
CMD ["node", "node24.cjs", "automation/main.ts"]
