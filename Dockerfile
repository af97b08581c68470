FROM node:24-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci
COPY scripts scripts
COPY src src
RUN node scripts/build.mjs && npm prune --omit=dev

FROM node:24-slim
COPY --from=build /build/dist /opt/gridwarden/dist
COPY --from=build /build/node_modules /opt/gridwarden/node_modules
RUN install -d -o node -g node /var/lib/gridwarden
ENV STATE_DIRECTORY=/var/lib/gridwarden UV_THREADPOOL_SIZE=16
USER node
VOLUME /var/lib/gridwarden
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8321/health').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/opt/gridwarden/dist/gridwarden.js"]
CMD ["run"]
