/**
 * A stand-in for OpenWrt's uci that takes only what the real one does: known verbs, names of its grammar, options of
 * sections that are there. It keeps a file for each option in $STATE.
 */
export const UCI = `[ "$1" != -q ] || shift
key=\${2%%=*} value=\${2#*=} file=$STATE/uci.$key
mistake() { echo "uci: $*" >&2 && exit 1; }
printf '%s' "$key" | grep -Eq '^(network|firewall)(\\.([A-Za-z0-9_]+|@[a-z]+\\[[0-9]+\\])(\\.[a-z0-9_]+)?)?$' || mistake "Invalid argument $key"
case $key in *.*.*) section=\${file%.*} ;; *) section=$STATE ;; esac
case $1 in
  get) [ -e "$file" ] && paste -sd ' ' "$file" || mistake 'Entry not found' ;;
  set) [ -e "$section" ] && printf '%s\\n' "$value" > "$file" || mistake 'Entry not found' ;;
  add_list) [ -e "$section" ] && printf '%s\\n' "$value" >> "$file" || mistake 'Entry not found' ;;
  del_list) [ -e "$file" ] && kept=$(grep -vxF "$value" "$file") && printf '%s\\n' "$kept" > "$file" ;;
  delete) [ -e "$file" ] && rm -f "$file" "$file".* || mistake 'Entry not found' ;;
  show) for kept in "$file".*; do echo "\${kept#*/uci.}='$(cat "$kept")'"; done | sort ;;
  commit) ;;
  *) mistake "no command $1" ;;
esac`
