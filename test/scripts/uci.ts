/**
 * A stand-in for OpenWrt's uci that takes only what the real one does: known verbs, names of its grammar, options of
 * sections that are there. It keeps a file for each option in $STATE, a list with a line for each item. As with the real
 * one a change is staged, and read by everyone, until its configuration is committed or it is reverted; a configuration
 * with changes is a whole copy in $STATE/staged. $STATE/absent names one whose file is not there. The file $STATE/trouble is run before each call: it may end the call,
 * or send the script ($PPID) a signal.
 */
export const UCI = `[ "$1" != -q ] || shift
[ ! -e "$STATE/trouble" ] || . "$STATE/trouble"
key=\${2%%=*} value=\${2#*=} config=\${2%%[.=]*}
kept=$STATE/uci staged=$STATE/staged/$config
mistake() { echo "uci: $*" >&2 && exit 1; }
items() { items= && while IFS= read -r item; do items="$items $1$item$1"; done < "$2" && items=\${items# }; }
look() { [ ! -e "$staged" ] || kept=$staged/uci; file=$kept.$key section=$kept.\${key%.*}; }
stage() { [ -e "$staged" ] || { mkdir -p "$staged" && { cp "$STATE/uci.$config".* "$staged" 2> /dev/null || :; }; } && look; }
printf '%s' "$key" | grep -Eq '^(network|firewall)(\\.([A-Za-z0-9_]+|@[a-z]+\\[[0-9]+\\])(\\.[a-z0-9_]+)?)?$' || mistake "Invalid argument $key"
look
case $key in *.*.*) ;; *) section=$STATE ;; esac
case $1 in
  get) [ -e "$file" ] && items '' "$file" && echo "$items" || mistake 'Entry not found' ;;
  set) [ -e "$section" ] && stage && echo "$value" > "$file" || mistake 'Entry not found' ;;
  add_list) [ -e "$section" ] && stage && echo "$value" >> "$file" || mistake 'Entry not found' ;;
  delete) [ -e "$file" ] && stage && rm -f "$file" "$file".* || mistake 'Entry not found' ;;
  show) [ "$(cat "$STATE/absent" 2> /dev/null)" != "$config" ] || mistake 'Entry not found'
    for one in "$file" "$file".*; do
      [ -e "$one" ] || continue
      name=\${one#*/uci.} quote="'"
      case $name in *.*.*) ;; *) quote= ;; esac
      items "$quote" "$one" && echo "$name=$items"
    done ;;
  commit) [ ! -e "$staged" ] || { rm -f "$STATE/uci.$config".* && { mv "$staged"/* "$STATE" 2> /dev/null; rmdir "$staged"; }; } ;;
  revert) [ ! -e "$staged" ] || {
      rm -f "$file" "$file".* && { cp "$STATE/uci.$key" "$STATE/uci.$key".* "$staged" 2> /dev/null || :; }
      [ "$(cd "$staged" && head -n 99 * /dev/null)" != "$(cd "$STATE" && head -n 99 "uci.$config".* /dev/null)" ] || rm -r "$staged"
    } ;;
  *) mistake "no command $1" ;;
esac`
