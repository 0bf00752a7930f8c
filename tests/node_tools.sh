# Sourced: node_tool PATH PACKAGE puts a package of npm into $work unless node_modules/PATH is there. Ends the script with status 77
# (skipped) when it cannot.
node_tool() {
    [ -e "$work/node_modules/$1" ] && return 0
    name=$(basename "$0" .sh)
    command -v npm >/dev/null || {
        echo "SKIP $name: npm is not installed"
        exit 77
    }
    mkdir -p "$work"
    npm install --prefix "$work" --silent --no-audit --no-fund "$2" || {
        echo "SKIP $name: $2 cannot be installed from npm"
        exit 77
    }
}
